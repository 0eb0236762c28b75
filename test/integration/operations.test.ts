import { describe, expect, it } from 'vitest';
import { RawClient } from '../support/raw-client.ts';
import { startProduct } from '../support/start-product.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

describe('the operations port', () => {
  it.each([0, 2])(
    'serves metrics in Prometheus text, merged and by worker, with %i worker processes',
    async (workers) => {
      await using product = await startProduct({ workers });
      await using client = await TestClient.open(product.socketUrl('/echo'));
      for (let i = 0; i < 5; i++) client.send('hello');
      await client.take(5);
      await until(async () => (await product.metric('carillon_messages_received_total')) === 5);
      const response = await fetch(product.operationsUrl('/metrics'));
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      const text = await response.text();
      expect(text).toContain('# TYPE carillon_messages_received_total counter\ncarillon_messages_received_total 5\n');
      expect(text).toContain('carillon_connections 1\n');
      expect(text).toContain('carillon_handshakes_total{result="accepted"} 1\n');
      const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
      expect(new Set(names).size).toBe(names.length);

      const byWorker = await (await fetch(product.operationsUrl('/metrics/workers'))).text();
      const received = [...byWorker.matchAll(/^carillon_messages_received_total\{worker="(\d)"\} (\d+)$/gm)];
      expect(received.map(([, worker]) => Number(worker))).toEqual(workers === 0 ? [0] : [1, 2]);
      expect(received.reduce((sum, [, , value]) => sum + Number(value), 0)).toBe(5);
    },
  );

  it('says who is ready and how loaded', async () => {
    await using product = await startProduct();
    await using client = await TestClient.open(product.socketUrl('/echo'));
    client.send('hello');
    await client.next();
    const { workers, ...rest } = await until(async () => {
      const readiness = await product.readiness();
      return readiness.workers.some(({ connections }) => connections === 1) && readiness;
    });
    expect(rest).toEqual({ ready: true, state: 'serving', reasons: [], node: 'test' });
    expect(workers.map(({ worker, state, restarts }) => ({ worker, state, restarts }))).toEqual([
      // Whoever has more than the other may have stepped aside.
      { worker: 1, state: expect.stringMatching(/^(listening|paused)$/), restarts: 0 },
      { worker: 2, state: expect.stringMatching(/^(listening|paused)$/), restarts: 0 },
    ]);
    expect((await fetch(product.operationsUrl('/ready'))).status).toBe(200);
  });

  it('answers /live, HEAD, unknown paths and other methods', async () => {
    await using product = await startProduct({ workers: 0 });
    const live = await fetch(product.operationsUrl('/live'));
    expect([live.status, await live.json()]).toEqual([200, { live: true }]);
    const head = await fetch(product.operationsUrl('/metrics?x'), { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(product.operationsUrl('/'))).status).toBe(404);
    const post = await fetch(product.operationsUrl('/ready'), { method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('leaves the primary file descriptors for its workers: no more than 64 connections, and none that says nothing', async () => {
    await using product = await startProduct({ workers: 0 });
    const port = Number(new URL(product.operationsUrl('/')).port);
    const clients = await Promise.all(Array.from({ length: 80 }, () => RawClient.connect(port)));
    let ended = 0;
    for (const client of clients) void client.ended.then(() => ended++);
    await until(() => ended === 16);
    // The silent ones leave the place to others.
    await until(() => ended === 80, { deadlineMs: 20_000 });
    expect((await fetch(product.operationsUrl('/live'))).status).toBe(200);
  });

  it('counts connections by worker, and restarts and workers by state', async () => {
    await using product = await startProduct();
    expect(await product.metric('carillon_workers{state="listening"}')).toBe(2);
    expect(await product.metric('carillon_worker_restarts_total')).toBe(0);
    const clients = await Promise.all(Array.from({ length: 10 }, () => TestClient.open(product.socketUrl('/echo'))));
    await until(async () => {
      const counts = await Promise.all(
        [1, 2].map((worker) => product.metric(`carillon_worker_connections{worker="${worker}"}`)),
      );
      return counts.reduce((sum, count) => sum + count, 0) === 10;
    });
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    await until(async () => (await product.metric('carillon_connections')) === 0);
  });
});
