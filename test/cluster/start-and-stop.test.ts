import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Product, startProduct } from '../support/start-product.ts';
import { RawClient } from '../support/raw-client.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function takePort(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('stopping', () => {
  it.each([
    ['SIGTERM', 1012],
    ['SIGINT', 1001],
  ] as const)('on %s says farewell to every client with %i and leaves nothing running', async (signal, farewell) => {
    await using product = await startProduct();
    const clients = await Promise.all(Array.from({ length: 20 }, () => TestClient.open(product.socketUrl('/echo'))));
    const pids = [...(await product.workerPids()).values()];
    product.signal(signal);
    const closes = await Promise.all(clients.map(({ closed }) => closed));
    expect(new Set(closes.map(({ code }) => code))).toEqual(new Set([farewell]));
    expect(await product.exited).toEqual({ code: 0, signal: null });
    expect(pids.filter(isRunning)).toEqual([]);
    expect(product.stderr).toBe('');
    const access = (await readFile(product.folder.file('logs/access.log'), 'utf8')).trim().split('\n');
    expect(access.filter((line) => line.includes(` ${farewell} `))).toHaveLength(20);
  });

  it('turns readiness red at once, while clients are still taking their leave', async () => {
    await using product = await startProduct({ closeTimeoutMs: 20_000 });
    // This client never answers the close frame.
    await using silent = await RawClient.open(Number(new URL(product.url('/')).port), '/echo');
    product.signal('SIGTERM');
    const response = await until(async () => {
      const answer = await fetch(product.operationsUrl('/ready'));
      return answer.status === 503 && answer;
    });
    expect(await response.json()).toMatchObject({ ready: false, state: 'draining', reasons: ['the node is draining'] });
    expect((await fetch(product.operationsUrl('/live'))).status).toBe(200);
    silent.socket.destroy();
    expect((await product.exited).code).toBe(0);
  });

  it('is bounded by closeTimeoutMs where a client does not take its leave', async () => {
    await using product = await startProduct({ closeTimeoutMs: 200 });
    await using silent = await RawClient.open(Number(new URL(product.url('/')).port), '/echo');
    expect(await product.stop()).toEqual({ code: 0, signal: null });
    await silent.ended;
  });

  it('is forced by a second signal', async () => {
    await using product = await startProduct({ closeTimeoutMs: 60_000 });
    await using silent = await RawClient.open(Number(new URL(product.url('/')).port), '/echo');
    const pids = [...(await product.workerPids()).values()];
    product.signal('SIGTERM');
    await until(async () => (await fetch(product.operationsUrl('/ready'))).status === 503);
    product.signal('SIGTERM');
    expect(await product.exited).toEqual({ code: 143, signal: null });
    await until(() => !pids.some(isRunning));
    await silent.ended;
  });

  it('happens by itself to workers whose primary was killed', async () => {
    await using product = await startProduct();
    await using client = await TestClient.open(product.socketUrl('/echo'));
    const pids = [...(await product.workerPids()).values()];
    product.signal('SIGKILL');
    expect((await client.closed).code).toBe(1001);
    await until(() => !pids.some(isRunning));
  });

  it('works during the start', async () => {
    const product = await Product.spawn();
    await using _ = product;
    await until(() => product.pid > 0 && product.logged().then((log) => log !== ''), {
      what: 'the primary has opened its log',
    });
    expect(await product.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('starting', () => {
  it('fails with a sentence when the public port is taken', async () => {
    await using taken = await takePort();
    const product = await Product.spawn({ port: taken.port });
    await using _ = product;
    expect(await product.exited).toEqual({ code: 1, signal: null });
    expect(product.stderr).toBe(
      `carillon: cannot listen on 127.0.0.1:${taken.port} (configuration: host, port): another program listens there already (EADDRINUSE)\n`,
    );
    expect(product.stdout).toBe('');
  });

  it.each([0, 2])('fails with a sentence when the operations port is taken, with %i workers', async (workers) => {
    await using taken = await takePort();
    const product = await Product.spawn({ operations: { port: taken.port }, workers });
    await using _ = product;
    expect(await product.exited).toEqual({ code: 1, signal: null });
    expect(product.stderr).toBe(
      `carillon: cannot listen on 127.0.0.1:${taken.port} (configuration: operations.host, operations.port): another program listens there already (EADDRINUSE)\n`,
    );
  });

  it('fails with a sentence when the public port is taken and there are no worker processes', async () => {
    await using taken = await takePort();
    const product = await Product.spawn({ port: taken.port, workers: 0 });
    await using _ = product;
    expect(await product.exited).toEqual({ code: 1, signal: null });
    expect(product.stderr).toContain(`cannot listen on 127.0.0.1:${taken.port} (configuration: host, port)`);
  });

  it('fails with a sentence when the logs cannot be written', async () => {
    const product = await Product.spawn({ log: { directory: 'occupied' } }, { occupied: 'a file' });
    await using _ = product;
    expect(await product.exited).toEqual({ code: 1, signal: null });
    expect(product.stderr).toMatch(/^carillon: logs: log\.directory: cannot write to .*occupied: EEXIST.*\n$/);
  });
});
