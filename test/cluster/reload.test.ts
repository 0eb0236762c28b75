import { readFile, rename, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { WorkerFacts } from '../../src/server/readiness.ts';
import { ConnectingLoop } from '../support/connecting-loop.ts';
import { expectNothingLost } from '../support/fault-rooms.ts';
import { measureFault } from '../support/measure-fault.ts';
import { RawClient, handshakeRequest, maskedFrame } from '../support/raw-client.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { startRedis } from '../support/start-redis.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const accepted = 'carillon_handshakes_total{result="accepted"}';

async function pids(product: Product): Promise<number[]> {
  return [...(await product.workerPids()).values()];
}

function workerIn(product: Product, state: WorkerFacts['state']): Promise<WorkerFacts> {
  return until(async () => (await product.readiness()).workers.find((worker) => worker.state === state), {
    everyMs: 1,
    what: `a worker is ${state}`,
  });
}

/** Nobody is left but one well worker per number. */
async function settled(product: Product, workers: number): Promise<void> {
  await until(async () => {
    const readiness = await product.readiness();
    return readiness.reasons.length === 0 && readiness.workers.length === workers;
  });
}

/** A worker without any has nobody to take leave of, and ends at once. */
async function clientsOnBothWorkers(product: Product): Promise<TestClient[]> {
  const clients: TestClient[] = [];
  await until(
    async () => {
      clients.push(await TestClient.open(product.socketUrl('/echo')));
      const counts = [1, 2].map((worker) => product.metric(`carillon_worker_connections{worker="${worker}"}`));
      return (await Promise.all(counts)).every((count) => count > 1);
    },
    { everyMs: 100, deadlineMs: 30_000, what: 'both workers have clients' },
  );
  return clients;
}

describe('a reload', () => {
  it.each([
    [1, 'the embedded broker'],
    [2, 'the embedded broker'],
    [2, 'Redis'],
  ] as const)(
    'replaces %i workers with %s under constant publishing, refuses no connection and loses no message',
    async (workers, broker) => {
      await using redis = broker === 'Redis' ? await startRedis() : undefined;
      await using product = await startProduct({
        workers,
        ...(redis && { redis: { url: redis.url } }),
        drain: { period: 1 },
        apps: { echo: { urls: ['/echo'] }, chat: { urls: ['/kept'] } },
        subscriptions: [{ pattern: '/kept', history: { size: 20_000, ttl: 600 } }],
      });
      const before = await pids(product);
      const loop = new ConnectingLoop(product.socketUrl('/echo'));
      const counted: number[] = [];
      let isOver = false;
      const watching = (async () => {
        while (!isOver) counted.push(await product.metric(accepted));
      })();
      const [report] = await measureFault(
        'reload',
        [product],
        [{ url: '/kept', keeps: true }],
        async () => await product.reload(),
      ).finally(() => (isOver = true));
      await watching;
      await loop.stop();
      if (report === undefined) throw new Error('one room was measured');
      expectNothingLost(report);
      expect(loop.opened).toBeGreaterThan(0);
      expect(loop.refusals).toEqual([]);
      await settled(product, workers);
      const after = await pids(product);
      expect(after.filter((pid) => before.includes(pid))).toEqual([]);
      expect(counted).toEqual(counted.toSorted((a, b) => a - b));
      const { workers: facts } = await product.readiness();
      expect(facts.map(({ worker, restarts }) => [worker, restarts])).toEqual(
        Array.from({ length: workers }, (_, index) => [index + 1, 0]),
      );
      expect(product.stderr).toBe('');
    },
    90_000,
  );

  it('puts the new configuration in force, and leaves clients of the other workers alone meanwhile', async () => {
    await using product = await startProduct({ drain: { period: 0.5 } });
    const clients = await Promise.all(Array.from({ length: 6 }, () => TestClient.open(product.socketUrl('/echo'))));
    await product.configure({
      apps: { echo: { urls: ['/renamed'] } },
      log: { directory: 'logs', severities: { debug: true } },
    });
    await product.reload();
    for (const { closed } of clients)
      expect(await closed).toEqual({ code: 1012, reason: expect.stringMatching(/reconnect in \d+ ms$/) });
    await using client = await TestClient.open(product.socketUrl('/renamed'));
    client.send('new');
    expect(await client.next()).toBe('new');
    await expect(TestClient.open(product.socketUrl('/echo'))).rejects.toThrow('404');
    expect(await product.metric('carillon_drained_connections_total')).toBe(6);
    expect(await product.logged()).toContain('"event":"reload-done"');
  });

  it('serves a connection that the old worker has accepted and that asks for something only later', async () => {
    await using product = await startProduct({ workers: 1 });
    const port = Number(new URL(product.url('/')).port);
    await using client = await RawClient.connect(port);
    // Accepted in order, so it has been.
    await using other = await TestClient.open(product.socketUrl('/echo'));
    const [old] = await pids(product);
    const reloaded = product.reload();
    expect((await other.closed).code).toBe(1012);
    client.write(handshakeRequest('/echo'));
    expect(await client.answer()).toContain(' 101 ');
    const [first, , ...code] = await client.read(4);
    expect([first, Buffer.from(code).readUInt16BE()]).toEqual([0x88, 1012]);
    client.write(maskedFrame(0x88, Buffer.from([0x03, 0xf4])));
    await reloaded;
    await settled(product, 1);
    expect(await pids(product)).not.toContain(old);
  });

  it('changes nothing and says where where the new configuration is invalid', async () => {
    await using product = await startProduct();
    const before = await pids(product);
    await writeFile(
      product.folder.file('carillon.json'),
      '{\n  "workers": 2,\n  "drain": {"perid": 1, "delay": -1}\n}',
    );
    await product.reload('refused');
    const log = await product.logged();
    expect(log).toContain(
      'carillon.json:3:13: drain.perid: unknown key, expected one of delay, period; did you mean \\"period\\"?',
    );
    expect(log).toContain('drain.delay: found -1, expected a number from 0 to 600 (seconds)');
    expect(await pids(product)).toEqual(before);
    expect((await product.readiness()).reasons).toEqual([]);
  });

  it('is refused where the file is gone, or another one has come', async () => {
    await using product = await startProduct({}, {}, { args: ['serve'] });
    const before = await pids(product);
    const file = product.folder.file('carillon.json');
    const other = product.folder.file('carillon.yaml');
    await rename(file, `${file}.bak`);
    await product.reload('refused');
    expect(await product.logged()).toContain(`nothing was reloaded: ${file} is not there any more`);
    await rename(`${file}.bak`, other);
    await product.reload('refused');
    expect(await product.logged()).toContain(
      `nothing was reloaded: ${other} was not read at the start, which needs a restart`,
    );
    expect(await pids(product)).toEqual(before);
    await rename(other, file);
    await product.reload();
  });

  it('refuses what needs a restart, by name', async () => {
    await using product = await startProduct();
    const before = await pids(product);
    await product.configure({ port: 1, workers: 3, log: { directory: 'elsewhere' }, redis: { host: '127.0.0.1' } });
    await product.reload('refused');
    const log = await product.logged();
    for (const setting of ['port', 'workers', 'log.directory', 'redis'])
      expect(log).toContain(`nothing was reloaded: ${setting} has changed, which needs a restart`);
    expect(log).not.toContain('node has changed');
    expect(await pids(product)).toEqual(before);
  });

  it('is refused where everything is in one process', async () => {
    await using product = await startProduct({ workers: 0 });
    await product.reload('refused');
    expect(await product.logged()).toContain(
      'nothing was reloaded: workers: 0 runs everything in one process, which cannot be replaced while it runs',
    );
    expect((await product.readiness()).ready).toBe(true);
  });

  it('stops where a successor cannot start, and the old worker goes on', async () => {
    await using product = await startProduct();
    await using client = await TestClient.open(product.socketUrl('/echo'));
    const before = await pids(product);
    // No process can open its logs any more; those that have them open keep them.
    const logs = product.folder.file('logs');
    await rename(logs, `${logs}.moved`);
    await writeFile(logs, 'in the way');
    await product.reload('failed');
    const log = await readFile(product.folder.file('logs.moved/error.log'), 'utf8');
    expect(log).toMatch(
      /"event":"reload-failed".*the reload has failed: worker 1 could not be replaced: logs: .*cannot write to.*; 0 of 2 were replaced/,
    );
    await settled(product, 2);
    expect(await pids(product)).toEqual(before);
    client.send('still here');
    expect(await client.next()).toBe('still here');
    expect(await product.metric('carillon_worker_restarts_total')).toBe(0);
  });

  it('fails where a successor is killed while it starts, and goes on where an old one is killed while it drains', async () => {
    await using product = await startProduct({ drain: { period: 600 } });
    const before = await pids(product);
    const reloading = product.reload('failed');
    process.kill((await workerIn(product, 'starting')).pid ?? 0, 'SIGKILL');
    await reloading;
    expect(await product.logged()).toContain('worker 1 could not be replaced: its process ended: signal SIGKILL');
    await settled(product, 2);
    expect(await pids(product)).toEqual(before);

    const clients = await clientsOnBothWorkers(product);
    const again = product.reload();
    for (const number of [1, 2]) {
      const draining = await until(async () =>
        (await product.readiness()).workers.find(({ worker, state }) => worker === number && state === 'draining'),
      );
      process.kill(draining.pid ?? 0, 'SIGKILL');
    }
    await again;
    await settled(product, 2);
    expect((await pids(product)).filter((pid) => before.includes(pid))).toEqual([]);
    for (const { closed } of clients) expect([1006, 1012]).toContain((await closed).code);
  });

  it('fails where a successor is killed while the old one leaves, and replaces no other', async () => {
    await using product = await startProduct({ drain: { period: 600 } });
    const before = await product.workerPids();
    const clients = await clientsOnBothWorkers(product);
    const reloading = product.reload('failed');
    const old = await workerIn(product, 'draining');
    const { workers } = await product.readiness();
    const successor = workers.find(({ worker, pid }) => worker === 1 && pid !== old.pid);
    process.kill(successor?.pid ?? 0, 'SIGKILL');
    await until(async () => (await product.readiness()).workers.every(({ pid }) => pid !== successor?.pid));
    process.kill(old.pid ?? 0, 'SIGKILL');
    await reloading;
    expect(await product.logged()).toMatch(/"event":"reload-failed".*the new worker 1 .*; 1 of 2 were replaced/);
    await settled(product, 2);
    expect((await product.workerPids()).get(2)).toBe(before.get(2));
    for (const client of clients) client.webSocket.terminate();
  });

  it('leaves the new workers the time to stop that their configuration gives them', async () => {
    await using product = await startProduct({ workers: 1, closeTimeoutMs: 200 });
    // More than a worker may take to stop that has the 200 ms.
    await product.configure({ workers: 1, closeTimeoutMs: 16_500 });
    await product.reload();
    await using silent = await RawClient.open(Number(new URL(product.url('/')).port), '/echo');
    product.signal('SIGINT');
    expect(await product.exited).toEqual({ code: 0, signal: null });
    await silent.ended;
    expect(await product.errors()).toEqual([]);
  });

  it('is dropped where the node drains, and that is told', async () => {
    await using product = await startProduct({ drain: { delay: 600 } });
    product.signal('SIGTERM');
    await until(async () => (await product.readiness()).state === 'draining');
    product.signal('SIGHUP');
    await until(async () => (await product.logged()).includes('"event":"reload-dropped"'));
    product.signal('SIGINT');
    await product.exited;
  });

  it('is done once more where it was asked for meanwhile, however often', async () => {
    await using product = await startProduct();
    product.signal('SIGHUP');
    await workerIn(product, 'starting');
    for (let times = 0; times < 3; times++) product.signal('SIGHUP');
    const done = 'carillon_reloads_total{result="done"}';
    await until(async () => (await product.metric(done)) === 2, { deadlineMs: 30_000 });
    await settled(product, 2);
    expect(await product.metric(done)).toBe(2);
  });

  it('gives way to a drain of the node', async () => {
    await using product = await startProduct({ drain: { period: 0.5 } });
    const clients = await Promise.all(Array.from({ length: 8 }, () => TestClient.open(product.socketUrl('/echo'))));
    product.signal('SIGHUP');
    await workerIn(product, 'starting');
    expect(await product.stop()).toEqual({ code: 0, signal: null });
    for (const { closed } of clients) expect((await closed).code).toBe(1012);
    expect(await product.errors()).toEqual([]);
    expect(product.stderr).toBe('');
  });
});
