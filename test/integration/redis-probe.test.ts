import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RedisOptions } from '../../src/broker/redis/redis-options.ts';
import { textPublication } from '../support/broker-cluster.ts';
import { allowApp, appUser, startBroker, troubleOf, type StartedBroker } from '../support/redis-app-user.ts';
import { redisBrokers, type RedisBrokers } from '../support/redis-brokers.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const room = '/websocket/chat';
const quick: Partial<RedisOptions> = { detectionMs: 2_000, connectTimeoutMs: 500, commandTimeoutMs: 2_000 };

let redis: RedisServer;
let brokers: RedisBrokers;
beforeEach(async () => {
  redis = await startRedis({ args: ['--busy-reply-threshold', '50'] });
  brokers = redisBrokers({ url: redis.url, ...quick, ...appUser, channelPrefix: '', keyPrefix: 'carillon:' });
  await allow('on', '>secret', '~*', '&*', '+@all');
});
afterEach(async () => {
  await brokers[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const allow = (...rules: string[]): Promise<void> => allowApp(redis, ...rules);
async function join(): Promise<StartedBroker> {
  const started = await startBroker(brokers);
  await started.broker.subscribe([room]);
  return started;
}

async function untilTrouble(one: StartedBroker, trouble: RegExp): Promise<void> {
  await until(async () => trouble.test(await troubleOf(one)), { what: `trouble ${trouble}` });
}

/** Long enough that whoever replaces a connection for it has done so. */
async function untilProbesFailed({ broker: { stats } }: StartedBroker, count: number): Promise<void> {
  const before = stats.probesFailed;
  await until(() => stats.probesFailed >= before + count, { what: 'probes failed' });
}

function expectNothingReplaced({ broker, sink }: StartedBroker): void {
  expect(sink.gaps).toEqual([]);
  expect(broker.stats).toMatchObject({ subscriberReconnects: 0, commandReconnects: 0 });
  expect(Object.values(broker.stats.replaced)).toEqual([0, 0, 0, 0]);
}

async function expectDelivered(one: StartedBroker): Promise<void> {
  await until(async () => (await troubleOf(one)) === '', { what: 'the round trip works' });
  await one.broker.publish(textPublication(room, 'after'));
  await until(() => one.sink.texts(room).includes('after'));
}

describe('connections to a Redis that refuses to publish', () => {
  it('are kept while it is busy with a script; names asked for meanwhile are subscribed to afterwards', async () => {
    const one = await join();
    const other = new Redis(redis.url, { retryStrategy: () => null });
    other.on('error', () => {});
    const running = other.eval('while true do end', 0).catch(() => {});
    await untilTrouble(one, /is busy with a/);
    const subscribed = one.broker.subscribe(['asked for meanwhile']);
    await untilProbesFailed(one, 4);
    await redis.admin.script('KILL');
    await running;
    other.disconnect();
    await subscribed;
    await expectDelivered(one);
    expectNothingReplaced(one);
  });

  it('are kept while our user may not', async () => {
    const one = await join();
    await allow('-eval', '-evalsha', '-publish');
    await untilTrouble(one, /refuses user "app": NOPERM/);
    await untilProbesFailed(one, 6);
    await allow('+@all');
    await expectDelivered(one);
    expectNothingReplaced(one);
  });

  it('are kept while our user may not ping either', async () => {
    const one = await join();
    await allow('-@all');
    await untilTrouble(one, /refuses user "app": NOPERM/);
    await untilProbesFailed(one, 6);
    await allow('+@all');
    await expectDelivered(one);
    expectNothingReplaced(one);
  });
});

describe('connections to a Redis that refuses the channel of the probe', () => {
  it('are kept, and what can be delivered is', async () => {
    const one = await join();
    // Redis ends the connection itself: one of its channels is forbidden.
    await allow('resetchannels', `&${room}`);
    await until(() => one.sink.gaps.length > 0, { what: 'the gap' });
    await untilTrouble(one, /refuses user "app": NOPERM/);
    await untilProbesFailed(one, 6);
    await one.broker.publish(textPublication(room, 'meanwhile'));
    await until(() => one.sink.texts(room).includes('meanwhile'));
    await allow('&*');
    await expectDelivered(one);
    expect(one.sink.gaps).toEqual([[room]]);
    expect(one.broker.stats.subscriberReconnects).toBe(1);
  });
});

describe('round trips', () => {
  it('leave nothing behind', async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warn);
    const { broker } = await join();
    const added = vi.spyOn(EventTarget.prototype, 'addEventListener');
    const removed = vi.spyOn(EventTarget.prototype, 'removeEventListener');
    try {
      for (let round = 0; round < 50; round++) await broker.probe.roundTrip(5_000);
      expect(added.mock.calls.length - removed.mock.calls.length).toBeLessThanOrEqual(0);
    } finally {
      vi.restoreAllMocks();
      process.off('warning', warn);
    }
    expect(warnings).toEqual([]);
  });
});
