import { expect, it } from 'vitest';
import type { PublishOptions } from '../../src/broker/broker.ts';
import { participant, textPublication } from '../support/broker-cluster.ts';
import { redisBrokers } from '../support/redis-brokers.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const room = '/websocket/chat';
const history = { size: 100, ttl: 60 };

it.each([
  ['plain', () => ({})],
  ['kept in a history', () => ({ history })],
  ['retried with an id', (n: number) => ({ id: `id ${n}` })],
  ['kept, plain and with an id in turns', (n: number) => [{ history }, {}, { id: `id ${n}` }][n % 3] ?? {}],
] satisfies [string, (n: number) => PublishOptions][])(
  'publications of one turn, %s, reach Redis in one write',
  async (_, optionsOf) => {
    await using redis = await startRedis();
    // No probe comes in between, and nothing waits: the queue hands on at once.
    const publishQueue = { messages: 1_000, bytes: 1024 * 1024, seconds: 30 };
    await using brokers = redisBrokers({ url: redis.url, detectionMs: 600_000, publishQueue });
    const all = [await participant(brokers), await participant(brokers)];
    await Promise.all(all.map(({ broker }) => broker.subscribe([room])));

    const before = await readsOf(redis);
    const idle = (await readsOf(redis)) - before;
    // Redis reads 16 KiB at a time.
    const texts = Array.from({ length: 20 }, (__, index) => `message ${index}`);
    await Promise.all(
      texts.map((text, index) => all[0]?.broker.publish(textPublication(room, text), optionsOf(index))),
    );
    // Each time it is asked is a read of its own.
    expect((await readsOf(redis)) - before - 2 * idle).toBe(1);

    await until(() => all.every(({ sink }) => sink.publications.length >= texts.length));
    for (const { sink } of all) expect(sink.texts(room)).toEqual(texts);
  },
);

/** How often Redis has read from a connection. What was written at once, and is not long, it reads at once. */
async function readsOf({ admin }: RedisServer): Promise<number> {
  return Number(/^total_reads_processed:(\d+)/m.exec(await admin.info('stats'))?.[1]);
}
