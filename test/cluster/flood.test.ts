import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProduct, type Product } from '../support/start-product.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { startTcpProxy, type StartedTcpProxy } from '../support/start-tcp-proxy.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const mebibyte = 1024 * 1024;

/** Resident memory of all workers together, in bytes. */
async function workerBytes(product: Product): Promise<number> {
  const pids = [...(await product.workerPids()).values()];
  const each = await Promise.all(pids.map((pid) => residentBytes(pid)));
  return each.reduce((sum, bytes) => sum + bytes, 0);
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** One floods a room and one listens, while the broker takes nothing; then it goes on. */
async function flood(product: Product, slow: () => void, heal: () => void): Promise<void> {
  const open = (): Promise<TestClient> => TestClient.open(product.socketUrl('/chat'), ['carillon.chat.v1']);
  await using listener = await open();
  await using flooder = await open();
  const pids = [...(await product.workerPids()).values()];
  const before = await workerBytes(product);
  await until(() => listener.unread.some((message) => String(message).includes('"welcome"')));

  slow();
  const count = 40_000;
  const filling = '.'.repeat(1_000);
  for (let i = 0; i < count; i++)
    flooder.send(JSON.stringify({ type: 'message', text: `${i} ${filling}`, ref: `${i}` }));
  // The kernel's buffers are full, and stay so: what it still has to send does not get less.
  let waiting = -1;
  await until(
    () => {
      const { bufferedAmount } = flooder.webSocket;
      const isStuck = waiting === bufferedAmount && bufferedAmount > 10 * mebibyte;
      waiting = bufferedAmount;
      return isStuck;
    },
    { everyMs: 500 },
  );
  const during = await Promise.all(pids.map((pid) => residentBytes(pid)));
  expect(during.reduce((sum, bytes) => sum + bytes, 0) - before).toBeLessThan(32 * mebibyte);
  heal();

  const sentTo = (client: TestClient, type: string): (string | undefined)[] =>
    client.unread.flatMap((message) => {
      const { type: found, text, ref } = JSON.parse(String(message)) as Record<string, string>;
      return found === type ? [text === undefined ? ref : text.split(' ')[0]] : [];
    });
  const hasLast = ({ unread }: TestClient): boolean =>
    unread.slice(-5).some((message) => String(message).includes(`"${count - 1}`));
  await until(() => hasLast(flooder) && hasLast(listener), { deadlineMs: 60_000, everyMs: 200 });
  const expected = Array.from({ length: count }, (_, i) => `${i}`);
  expect(sentTo(flooder, 'error')).toEqual([]);
  expect(sentTo(flooder, 'sent')).toEqual(expected);
  expect(sentTo(listener, 'message')).toEqual(expected);
}

describe('a chat client that floods through a broker that stands still is slowed down, and nothing is lost', () => {
  it('with the broker of the primary', async () => {
    await using product = await startProduct();
    await flood(
      product,
      () => product.signal('SIGSTOP'),
      () => product.signal('SIGCONT'),
    );
  });

  describe('with Redis', () => {
    let redis: RedisServer;
    let proxy: StartedTcpProxy;
    beforeEach(async () => {
      redis = await startRedis();
      proxy = await startTcpProxy(redis.port);
    });
    afterEach(async () => {
      await proxy[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    });

    it('at the other end of a network', async () => {
      const url = `redis://127.0.0.1:${proxy.port}`;
      await using product = await startProduct({ redis: { url, commandTimeoutMs: 60_000, detectionMs: 60_000 } });
      await flood(
        product,
        () => proxy.hold('to client'),
        () => proxy.heal(),
      );
    });
  });
});
