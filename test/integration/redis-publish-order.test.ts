import { describe, expect, it } from 'vitest';
import type { Publication } from '../../src/broker/broker.ts';
import { RedisBroker } from '../../src/broker/redis/redis-broker.ts';
import { defaultRedisOptions } from '../../src/broker/redis/redis-options.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { startAll, stopAll } from '../support/start-all.ts';
import { startRedis } from '../support/start-redis.ts';
import { startTcpProxy } from '../support/start-tcp-proxy.ts';
import { until } from '../support/until.ts';

const rounds = 100;
/** Published by each broker in as many turns of the event loop. */
const atOnce = 20;

describe('publications of two brokers', () => {
  it('keep their order while Redis forgets the scripts again and again', async () => {
    await using redis = await startRedis();
    await using proxy = await startTcpProxy(redis.port);
    const sink = new RecordingSink();
    const brokers = await startAll(
      [redis.port, proxy.port].map(async (port, b) => {
        const broker = new RedisBroker({ ...defaultRedisOptions, port });
        await broker.start(b === 0 ? sink : new RecordingSink());
        return Object.assign(broker, { [Symbol.asyncDispose]: () => broker.close() });
      }),
    );
    // What the second one sends is under way when it hears that an earlier one was not carried out.
    proxy.delayHalf({ delayMs: 3, seed: 1 });
    try {
      await brokers[0]?.subscribe(['bells']);
      const accepted: string[][] = brokers.map(() => []);
      for (let round = 0; round < rounds; round++) {
        const flushed = redis.admin.script('FLUSH');
        const under = brokers.flatMap((broker, b) =>
          Array.from({ length: atOnce }, async (_, i) => {
            // Each in a packet of its own, so that those of the other one come in between.
            for (let turn = 0; turn < i; turn++) await new Promise((resolve) => setImmediate(resolve));
            const text = `${b}:${round * atOnce + i}`;
            // One that is not accepted is told of, and nothing comes of it.
            const accept = await broker.publish(publication(text), { history: { size: 10_000, ttl: 60 } }).then(
              () => true,
              () => false,
            );
            if (accept) accepted[b]?.push(text);
          }),
        );
        await Promise.all([flushed, ...under]);
      }
      await until(() => sink.publications.length >= accepted.flat().length);
      for (const b of brokers.keys()) {
        const heard = sink.texts('bells').filter((text) => text.startsWith(`${b}:`));
        const inOrder = heard.toSorted((one, other) => number(one) - number(other));
        expect(heard).toEqual(inOrder);
        expect(new Set(heard).size).toBe(accepted[b]?.length);
      }
    } finally {
      await stopAll(brokers);
    }
  });
});

function number(text: string): number {
  return Number(text.split(':')[1]);
}

function publication(text: string): Publication {
  return { subscription: 'bells', data: Buffer.from(text), kind: 'text', exclude: [] };
}
