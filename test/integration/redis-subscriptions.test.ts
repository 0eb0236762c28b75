import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnavailableError } from '../../src/broker/broker.ts';
import type { RedisOptions } from '../../src/broker/redis/redis-options.ts';
import { participant, settled, textPublication } from '../support/broker-cluster.ts';
import { failureOf } from '../support/failure-of.ts';
import { watchTurns } from '../support/longest-turn.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { redisBrokers, type RedisBrokers } from '../support/redis-brokers.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const room = '/websocket/chat';
const quick: Partial<RedisOptions> = { detectionMs: 1_000, connectTimeoutMs: 500, commandTimeoutMs: 500 };

let redis: RedisServer;
let brokers: RedisBrokers;
beforeEach(async () => {
  redis = await startRedis();
  brokers = redisBrokers({ url: redis.url, ...quick, channelPrefix: '' });
});
afterEach(async () => {
  await brokers[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function callsOf(command: string): Promise<number> {
  const stats = await redis.admin.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

/** Names that somebody is subscribed to, as Redis sees it. */
async function channels(): Promise<string[]> {
  const all = (await redis.admin.call('PUBSUB', 'CHANNELS')) as string[];
  return all.filter((name) => !name.startsWith('carillon:'));
}

describe('subscriptions in Redis', () => {
  it('are made with few commands, and left with few', async () => {
    const { broker } = await participant(brokers);
    const before = await callsOf('subscribe');
    const names = Array.from({ length: 5_000 }, (_, index) => `name ${index}`);
    await Promise.all(names.map((name) => broker.subscribe([name])));
    expect(await channels()).toHaveLength(5_000);
    expect((await callsOf('subscribe')) - before).toBeLessThanOrEqual(21);

    await Promise.all(names.map((name) => broker.unsubscribe([name])));
    await until(async () => (await channels()).length === 0, { what: 'Redis was told' });
    expect(await callsOf('unsubscribe')).toBeLessThanOrEqual(40);
  });

  it('are not left by one who comes and goes', async () => {
    const one = await participant(brokers);
    for (let round = 0; round < 50; round++) {
      await one.broker.subscribe([room]);
      await one.broker.publish(textPublication(room, `${round}`));
      await settled([one]);
      await one.broker.unsubscribe([room]);
    }
    await one.broker.subscribe([room]);
    expect(await callsOf('unsubscribe')).toBeLessThan(10);
    expect(one.sink.texts(room)).toHaveLength(50);
    await one.broker.publish(textPublication(room, 'still there'));
    await settled([one]);
    // Longer than a departure is put off: whoever came back is not left.
    await one.broker.subscribe(['other']);
    await one.broker.unsubscribe(['other']);
    await until(async () => !(await channels()).includes('other'), { what: 'the other was left' });
    expect(await channels()).toContain(room);
    await one.broker.publish(textPublication(room, 'and still'));
    await settled([one]);
    expect(one.sink.texts(room).slice(50)).toEqual(['still there', 'and still']);
  });

  it('that Redis forbids are rejected, and take no others with them', async () => {
    await redis.admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '+@all', 'resetchannels');
    await redis.admin.call('ACL', 'SETUSER', 'app', '&carillon:*', '&allowed*', '&test*');
    const one = await participant({
      ...brokers,
      join: () => brokers.join({ username: 'app', password: 'secret' }),
    });
    const names = Array.from({ length: 40 }, (_, index) => `allowed ${index}`);
    const allowed = names.map((name) => one.broker.subscribe([name]));
    const failure = await failureOf(one.broker.subscribe(['forbidden']), BrokerUnavailableError);
    expect(failure.message).toMatch(/refuses user "app": NOPERM/);
    await Promise.all(allowed);
    await one.broker.publish(textPublication('allowed 7', 'hello'));
    await until(() => one.sink.texts('allowed 7').length === 1);
  });

  it('that are asked for while Redis is away are rejected in time, and are not made later', async () => {
    const one = await participant(brokers);
    await one.broker.subscribe([room]);
    await redis.stop();
    const failure = await failureOf(one.broker.subscribe(['late']), BrokerUnavailableError);
    expect(failure.message).toMatch(/Redis/);
    await redis.restart();
    await until(() => one.sink.gaps.length > 0, { what: 'the gap' });
    expect(one.sink.gaps).toEqual([[room]]);
    expect(await channels()).toEqual([room]);
  });

  it('that are asked for while Redis is away, and not long, are made when it is back, without a gap', async () => {
    const one = await participant(brokers);
    await one.broker.subscribe([room]);
    await redis.stop();
    const subscribed = one.broker.subscribe(['new']);
    await redis.restart();
    await subscribed;
    await until(() => one.sink.gaps.length > 0, { what: 'the gap' });
    expect(one.sink.gaps).toEqual([[room]]);
  });

  it('of bare and of malformed payloads: the first are delivered, the others counted', async () => {
    const broker = await brokers.join();
    const one = { broker, sink: new RecordingSink() };
    await broker.start(one.sink);
    await one.broker.subscribe([room]);
    await redis.admin.publish(room, Buffer.from([0xff, 0xfe, 0xfd]));
    await redis.admin.publish(room, 'hello');
    await redis.admin.publish(room, Buffer.from([0xff]));
    await redis.admin.publish(room, Buffer.from([0xc3, 0x28]));
    await until(() => one.sink.publications.length === 2);
    expect(one.sink.publications.map(({ kind }) => kind)).toEqual(['text', 'binary']);
    expect(one.sink.texts(room)[0]).toBe('hello');
    expect(broker.stats.malformed).toBe(2);
  });
});

describe('50,000 subscriptions', () => {
  const count = 50_000;

  it('are subscribed again after a restart, without blocking the event loop', async () => {
    const names = Array.from({ length: count }, (_, index) => `/websocket/room/${index}`);
    const sink = new (class extends RecordingSink {
      missed = 0;
      override gap(some: readonly string[]): void {
        this.missed += some.length;
      }
    })();
    const broker = await brokers.join({ detectionMs: 5_000, commandTimeoutMs: 5_000, connectTimeoutMs: 5_000 });
    await broker.start(sink);
    await broker.subscribe(names);
    expect(broker.stats.subscriptions).toBe(count);

    await redis.stop();
    using turns = watchTurns();
    await redis.restart();
    await until(() => sink.missed >= count, { deadlineMs: 30_000, what: 'all are subscribed again' });
    expect(sink.missed).toBe(count);
    expect(turns.longestMs).toBeLessThan(50);
    await broker.publish(textPublication(names.at(-1) ?? '', 'hello'));
    await until(() => sink.publications.length === 1);
  }, 60_000);
});
