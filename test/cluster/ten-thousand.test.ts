import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startProduct } from '../support/start-product.ts';
import { until } from '../support/until.ts';

const count = 10_000;
/** So many handshakes are under way at a time: below the kernel's default backlog of 511 for both workers' acceptor. */
const atOnce = 200;

/** Does something for every item, a few at a time. */
async function forEach<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let item = waiting.next(); item.done !== true; item = waiting.next()) await work(item.value);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

describe('ten thousand connections', () => {
  it('open, idle through heartbeats, get an answer each and close, without an error in the log', async () => {
    await using product = await startProduct({ heartbeat: { intervalMs: 15_000 } });
    const url = product.socketUrl('/echo');
    const clients: WebSocket[] = [];
    const pings = new Map<WebSocket, number>();

    await forEach(Array.from({ length: count }).keys(), async () => {
      const client = new WebSocket(url, { perMessageDeflate: false });
      client.on('ping', () => pings.set(client, (pings.get(client) ?? 0) + 1));
      await once(client, 'open');
      clients.push(client);
    });
    await until(async () => (await product.metric('carillon_connections')) === count, {
      deadlineMs: 30_000,
      what: 'all are counted',
    });

    const idle = (): boolean => clients.every((client) => (pings.get(client) ?? 0) >= 2);
    await until(idle, { deadlineMs: 90_000, everyMs: 100, what: 'everybody was pinged twice' });

    await forEach(clients.entries(), async ([i, client]) => {
      client.send(`message ${i}`);
      const [data] = (await once(client, 'message')) as [Buffer];
      expect(data.toString()).toBe(`message ${i}`);
    });

    await forEach(clients, async (client) => {
      const closed = once(client, 'close');
      client.close(1000);
      const [code] = (await closed) as [number];
      expect(code).toBe(1000);
    });
    await until(async () => (await product.metric('carillon_connections')) === 0, {
      deadlineMs: 30_000,
      what: 'all are gone',
    });
    expect(await product.metric('carillon_closes_total{code="1000"}')).toBe(count);
    expect(await product.metric('carillon_heartbeats_missed_total')).toBe(0);
    expect(await product.errors()).toEqual([]);
    expect(await product.logged()).not.toContain('"level":"warn"');
    expect(product.stderr).toBe('');
  }, 240_000);
});
