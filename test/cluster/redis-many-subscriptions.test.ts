import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { SubscriptionRule } from '../../src/gateway/subscription-rules.ts';
import { startAll, stopAll } from '../support/start-all.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const program = fileURLToPath(new URL('../support/many-subscriptions.mjs', import.meta.url));
const workers = 4;
const clientsPerWorker = 5;
const subscriptionsPerClient = 2_500;
const total = workers * clientsPerWorker * subscriptionsPerClient;
const names = Array.from({ length: total }, (_, i) => `bell-${i}`);
/** Of the event loop, in milliseconds of its own work. */
const longestTurnMs = 50;
/** What resubscribing may take besides what the subscriptions themselves take, in bytes. */
const spareBytes = 100 * 1024 * 1024;

interface Figures {
  readonly longestTurnMs: number;
  readonly longestDelayMs: number;
  readonly residentBytes: number;
}

class Worker implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  static async start({ url }: RedisServer, subscriptions: readonly SubscriptionRule[]): Promise<Worker> {
    const child = fork(program, [JSON.stringify({ redis: { url }, subscriptions })]);
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new Worker(child, `ws://127.0.0.1:${port}/`);
  }

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  async figures(message: 'reset' | 'tell'): Promise<Figures> {
    const answer = once(this.#child, 'message');
    this.#child.send(message);
    const [figures] = (await answer) as [Figures];
    return figures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}

describe(`${total} subscriptions over ${workers} workers`, () => {
  const history = { size: 10, ttl: 600 };
  it.each([
    { kind: 'without history', subscriptions: [], told: ['all', ...names] },
    // What has a history is compared with it, and nothing was missed.
    { kind: 'with history', subscriptions: [{ pattern: 'bell-*', history }], told: ['all'] },
  ])('$kind are back after a restart of Redis, in bounded time and memory', async ({ kind, subscriptions, told }) => {
    await using redis = await startRedis({ args: ['--appendonly', 'yes'] });
    const members = await startAll(Array.from({ length: workers }, () => Worker.start(redis, subscriptions)));
    const clients: TestClient[] = [];
    try {
      for (const [w, member] of members.entries()) {
        for (let c = 0; c < clientsPerWorker; c++) {
          const from = (w * clientsPerWorker + c) * subscriptionsPerClient;
          clients.push(await TestClient.open(`${member.url}?from=${from}&count=${subscriptionsPerClient}`));
        }
      }
      for (const client of clients) expect(await client.next()).toBe('ready');
      const before = await Promise.all(members.map((member) => member.figures('reset')));

      await redis.stop('SIGTERM');
      await redis.restart();
      const restarted = Date.now();
      await until(async () => (await channels(redis)) >= total, {
        deadlineMs: 30_000,
        what: 'all are subscribed again',
      });
      const subscribedMs = Date.now() - restarted;
      // Everybody is in `all`, and in his own.
      const notices = told.length === 1 ? 1 : subscriptionsPerClient + 1;
      const gaps = (await Promise.all(clients.map((client) => client.take(notices)))).flat();
      const toldMs = Date.now() - restarted;
      expect(gaps).toHaveLength(clients.length * notices);
      expectSame(new Set(gaps), told, 'gap');
      const after = await Promise.all(members.map((member) => member.figures('tell')));

      for (let i = 0; i < total; i += 1_000) {
        const batch = redis.admin.pipeline();
        for (const name of names.slice(i, i + 1_000)) batch.publish(name, 'rung');
        await batch.exec();
      }
      const rung = (await Promise.all(clients.map((client) => client.take(subscriptionsPerClient)))).flat();
      const distinct = new Set(rung);
      const most = (figure: keyof Figures): number => Math.max(...after.map((one) => one[figure]));
      const grownBytes = Math.max(...after.map((one, i) => one.residentBytes - (before[i]?.residentBytes ?? 0)));
      console.info(
        `${total} subscriptions ${kind}: subscribed again ${subscribedMs} ms after the restart, everybody told after ${toldMs} ms; ` +
          `the longest turn worked ${most('longestTurnMs').toFixed(1)} ms and took ${most('longestDelayMs').toFixed(1)} ms, ` +
          `a worker grew by ${(grownBytes / 2 ** 20).toFixed(1)} MiB at most; sent ${total}, received ${rung.length}, ` +
          `lost ${total - distinct.size}, duplicated ${rung.length - distinct.size}`,
      );
      expectSame(distinct, names, 'rung');
      expect(clients.flatMap(({ unread }) => unread)).toEqual([]);
      expect(most('longestTurnMs')).toBeLessThan(longestTurnMs);
      expect(grownBytes).toBeLessThan(spareBytes);
    } finally {
      await stopAll([...clients, ...members]);
    }
  });
});

/** Fifty thousand are too many to show. */
function expectSame(received: ReadonlySet<unknown>, names: readonly string[], what: string): void {
  expect(received.size).toBe(names.length);
  expect(names.filter((name) => !received.has(`${name} ${what}`)).slice(0, 20)).toEqual([]);
}

async function channels(redis: RedisServer): Promise<number> {
  const [, count] = /^pubsub_channels:(\d+)/mu.exec(await redis.admin.info('stats')) ?? [];
  return Number(count ?? 0);
}
