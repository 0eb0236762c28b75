import { appendFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { logViewSubprotocol, type LogViewServerMessage } from '../../src/apps/log-view/log-view-protocol.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

type MessageOf<Type> = Extract<LogViewServerMessage, { readonly type: Type }>;

const config = {
  apps: { 'log-view': { urls: ['/logs'], auth: { type: 'loopback' }, logs: { jobs: 'jobs.log' }, refresh: 20 } },
};

/** The next message of a type; others before it are dropped. */
async function nextOf<Type extends LogViewServerMessage['type']>(
  client: TestClient,
  type: Type,
): Promise<MessageOf<Type>> {
  for (;;) {
    const message = JSON.parse(String(await client.next())) as LogViewServerMessage;
    if (message.type === type) return message as MessageOf<Type>;
  }
}

async function openOn(product: Product, worker: number): Promise<TestClient> {
  return await until(
    async () => {
      const client = await TestClient.open(`${product.socketUrl('/logs')}?log=jobs`, [logViewSubprotocol]);
      if ((await nextOf(client, 'welcome')).worker === worker) return client;
      await client[Symbol.asyncDispose]();
      return undefined;
    },
    { deadlineMs: 20_000, what: `a connection on worker ${worker}` },
  );
}

async function killWorker(product: Product, worker: number): Promise<void> {
  const { restarts = 0 } = (await product.readiness()).workers[worker - 1] ?? {};
  process.kill((await product.workerPids()).get(worker) ?? 0, 'SIGKILL');
  await until(async () => {
    const facts = (await product.readiness()).workers[worker - 1];
    return facts?.state === 'listening' && facts.restarts === restarts + 1;
  });
}

describe('severities', () => {
  it('are switched on all workers by one, and stay so when every worker is replaced', async () => {
    await using product = await startProduct(config);
    await using one = await openOn(product, 1);
    await using two = await openOn(product, 2);
    expect((await nextOf(two, 'severities')).state['debug']).toBe(false);
    one.send(JSON.stringify({ type: 'severity', name: 'debug', on: true }));
    expect((await nextOf(two, 'severities')).state['debug']).toBe(true);
    two.send(JSON.stringify({ type: 'severity', name: 'info', on: false }));
    await until(async () => (await nextOf(one, 'severities')).state['info'] === false);
    for (const worker of [1, 2]) await killWorker(product, worker);
    for (const worker of [1, 2]) {
      await using client = await openOn(product, worker);
      expect((await nextOf(client, 'severities')).state).toMatchObject({ debug: true, info: false, warn: true });
    }
  });
});

describe('duties', () => {
  it('go on at another worker when theirs dies, without a line lost or doubled', async () => {
    await using product = await startProduct(config, { 'jobs.log': 'before\n' });
    const file = product.folder.file('jobs.log');
    const seen: string[] = [];
    const collect = async (client: TestClient, last: string): Promise<void> => {
      while (seen.at(-1) !== last) {
        const { lines, backlog } = await nextOf(client, 'lines');
        if (backlog !== true) seen.push(...lines);
      }
    };
    await using two = await openOn(product, 2);
    await nextOf(two, 'opened');
    await appendFile(file, 'first\n');
    await collect(two, 'first');
    // Whichever of the two follows the file: after this it is, or has become, worker 2.
    await killWorker(product, 1);
    await appendFile(file, 'second\n');
    await collect(two, 'second');
    expect(seen).toEqual(['first', 'second']);
    // And now it is worker 1, whose predecessors are both dead.
    await using one = await openOn(product, 1);
    await nextOf(one, 'opened');
    process.kill((await product.workerPids()).get(2) ?? 0, 'SIGKILL');
    await appendFile(file, 'third\n');
    await collect(one, 'third');
    expect(seen).toEqual(['first', 'second', 'third']);
  });
});
