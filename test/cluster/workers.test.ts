import { WebSocket } from 'ws';
import { describe, expect, it } from 'vitest';
import { ChatClient } from '../support/chat-client.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** Opens chat connections until each of these workers has one, and closes those that are too many. */
async function clientPerWorker(
  product: Product,
  workers: readonly number[],
): Promise<Map<number, ChatClient> & AsyncDisposable> {
  const clients = new Map<number, ChatClient>();
  await until(
    async () => {
      const client = await ChatClient.open(product.socketUrl('/chat'));
      if (clients.has(client.welcome.worker)) await client[Symbol.asyncDispose]();
      else clients.set(client.welcome.worker, client);
      return workers.every((worker) => clients.has(worker));
    },
    { deadlineMs: 20_000, what: 'a connection on each worker' },
  );
  return Object.assign(clients, {
    async [Symbol.asyncDispose]() {
      for (const client of clients.values()) await client[Symbol.asyncDispose]();
    },
  });
}

function clientOn(clients: ReadonlyMap<number, ChatClient>, worker: number): ChatClient {
  const client = clients.get(worker);
  if (client === undefined) throw new Error(`no client on worker ${worker}`);
  return client;
}

describe('workers', () => {
  it('share subscriptions: a message given to one sounds at the clients of the other, once and in order', async () => {
    await using product = await startProduct();
    await using clients = await clientPerWorker(product, [1, 2]);
    const [one, two] = [clientOn(clients, 1), clientOn(clients, 2)];
    for (let i = 0; i < 100; i++) one.send({ type: 'message', text: `number ${i}` });
    for (let i = 0; i < 100; i++) expect(await two.nextOf('message')).toMatchObject({ text: `number ${i}` });
    two.send({ type: 'message', text: 'and back' });
    expect(await one.nextOf('message')).toMatchObject({ text: 'and back' });
  });

  it('each take only their own connections with them when they are killed', async () => {
    await using product = await startProduct();
    await using clients = await clientPerWorker(product, [1, 2]);
    const [one, two] = [clientOn(clients, 1), clientOn(clients, 2)];
    const pids = await product.workerPids();
    const killed = pids.get(1) ?? 0;
    process.kill(killed, 'SIGKILL');
    expect((await one.client.closed).code).toBe(1006);

    const { workers } = await until(async () => {
      const readiness = await product.readiness();
      return readiness.reasons.length === 0 && readiness.workers[0]?.restarts === 1 && readiness;
    });
    expect(workers[0]?.pid).not.toBe(killed);
    expect(workers[1]?.pid).toBe(pids.get(2));
    // The other one has noticed nothing, and reaches clients of the new one.
    expect(two.client.webSocket.readyState).toBe(WebSocket.OPEN);
    await using successors = await clientPerWorker(product, [1]);
    two.send({ type: 'message', text: 'still here' });
    expect(await clientOn(successors, 1).nextOf('message')).toMatchObject({ text: 'still here' });
  });

  it('never make the merged counters go backwards when one dies', async () => {
    await using product = await startProduct();
    const accepted = 'carillon_handshakes_total{result="accepted"}';
    for (let i = 0; i < 40; i++) await (await TestClient.open(product.socketUrl('/echo')))[Symbol.asyncDispose]();
    await until(async () => (await product.metric(accepted)) === 40);
    const perWorker = await product.metric(
      'carillon_handshakes_total{result="accepted",worker="1"}',
      '/metrics/workers',
    );
    process.kill((await product.workerPids()).get(1) ?? 0, 'SIGKILL');
    const seen: number[] = [];
    await until(async () => {
      seen.push(await product.metric(accepted));
      return (
        (await product.metric('carillon_worker_restarts_total')) === 1 &&
        (await product.metric('carillon_workers{state="listening"}')) === 2
      );
    });
    seen.push(await product.metric(accepted));
    expect(new Set(seen)).toEqual(new Set([40]));
    await (await TestClient.open(product.socketUrl('/echo')))[Symbol.asyncDispose]();
    await until(async () => (await product.metric(accepted)) === 41);
    expect(
      await product.metric('carillon_handshakes_total{result="accepted",worker="1"}', '/metrics/workers'),
    ).toBeGreaterThanOrEqual(perWorker);
  });

  it('leave the node ready while one of several is being replaced, and say so', async () => {
    await using product = await startProduct();
    const stalled = (await product.workerPids()).get(2) ?? 0;
    process.kill(stalled, 'SIGKILL');
    const bodies = await until(async () => {
      const response = await fetch(product.operationsUrl('/ready'));
      const body = (await response.json()) as { reasons: string[]; workers: { restarts: number }[] };
      return body.reasons.length > 0 && { status: response.status, body };
    });
    expect(bodies.status).toBe(200);
    expect(bodies.body.reasons).toEqual([expect.stringMatching(/^worker 2 is (restarting|starting|mounted)$/)]);
    await until(async () => (await product.readiness()).reasons.length === 0);
  });

  it('come back on the same port when all of them died', async () => {
    await using product = await startProduct({ workers: 1 });
    process.kill((await product.workerPids()).get(1) ?? 0, 'SIGKILL');
    await until(
      async () => (await product.readiness()).workers[0]?.restarts === 1 && (await product.readiness()).ready,
    );
    await using client = await TestClient.open(product.socketUrl('/echo'));
    client.send('same port');
    expect(await client.next()).toBe('same port');
  });
});
