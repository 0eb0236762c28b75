import { describe, expect, it } from 'vitest';
import { startProduct, type Product } from '../support/start-product.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** Connections per worker as the metric says, once it accounts for all of them. */
async function spread(product: Product, workers: number, total: number): Promise<number[]> {
  return await until(
    async () => {
      const counts = await Promise.all(
        Array.from({ length: workers }, (_, index) =>
          product.metric(`carillon_worker_connections{worker="${index + 1}"}`),
        ),
      );
      return counts.reduce((sum, count) => sum + count, 0) === total && counts;
    },
    { what: `the metric accounts for ${total} connections` },
  );
}

async function closeAll(clients: readonly TestClient[]): Promise<void> {
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
}

describe('connections', () => {
  it('are spread over the workers within reason when they trickle in, and none is refused', async () => {
    await using product = await startProduct({ workers: 4 });
    const clients: TestClient[] = [];
    for (let i = 0; i < 400; i++) clients.push(await TestClient.open(product.socketUrl('/echo')));
    const counts = await spread(product, 4, 400);
    // 1.25 × the average of 100, and what comes in while the order to pause is on its way.
    expect(Math.max(...counts)).toBeLessThanOrEqual(200);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(20);
    await closeAll(clients);
  });

  it('are on two workers when there are two, a moment apart', async () => {
    await using product = await startProduct({ workers: 2 });
    await using first = await TestClient.open(product.socketUrl('/echo'));
    await until(async () => (await product.readiness()).workers.some(({ state }) => state === 'paused'));
    await using second = await TestClient.open(product.socketUrl('/echo'));
    expect(await spread(product, 2, 2)).toEqual([1, 1]);
    expect([first.unread, second.unread]).toEqual([[], []]);
  });

  it('are spread over the workers within reason when they come in bursts, and none is refused', async () => {
    await using product = await startProduct({ workers: 4 });
    const clients: TestClient[] = [];
    for (let burst = 0; burst < 4; burst++) {
      clients.push(
        ...(await Promise.all(Array.from({ length: 100 }, () => TestClient.open(product.socketUrl('/echo'))))),
      );
    }
    const counts = await spread(product, 4, 400);
    expect(Math.max(...counts)).toBeLessThanOrEqual(240);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    await closeAll(clients);
  });

  it('go to a new worker first when it has replaced one that died, and none is refused', async () => {
    await using product = await startProduct({ workers: 2 });
    const clients: TestClient[] = [];
    for (let i = 0; i < 200; i++) clients.push(await TestClient.open(product.socketUrl('/echo')));
    const before = await spread(product, 2, 200);
    process.kill((await product.workerPids()).get(1) ?? 0, 'SIGKILL');
    const left = before[1] ?? 0;
    await until(
      async () =>
        (await product.readiness()).workers[0]?.state === 'listening' &&
        (await product.readiness()).workers[0]?.restarts === 1,
    );
    // Worker 2 has well over the average now, and leaves the accepting to worker 1.
    await until(async () => (await product.readiness()).workers[1]?.state === 'paused');
    for (let i = 0; i < 20; i++) clients.push(await TestClient.open(product.socketUrl('/echo')));
    expect(await spread(product, 2, left + 20)).toEqual([20, left]);
    // Enough for both to be in range: worker 2 accepts again.
    for (let i = 0; i < left - 20; i++) clients.push(await TestClient.open(product.socketUrl('/echo')));
    await until(async () => (await product.readiness()).workers[1]?.state === 'listening');
    await closeAll(clients);
  });

  it('are accepted again by a worker that had paused, when the one that did the accepting dies', async () => {
    await using product = await startProduct({ workers: 2 });
    const clients: TestClient[] = [];
    for (let i = 0; i < 200; i++) clients.push(await TestClient.open(product.socketUrl('/echo')));
    process.kill((await product.workerPids()).get(1) ?? 0, 'SIGKILL');
    await until(async () => (await product.readiness()).workers[1]?.state === 'paused');
    process.kill((await product.workerPids()).get(1) ?? 0, 'SIGKILL');
    await until(async () => (await product.readiness()).workers[1]?.state === 'listening');
    await using client = await TestClient.open(product.socketUrl('/echo'));
    client.send('here');
    expect(await client.next()).toBe('here');
    await closeAll(clients);
  });
});
