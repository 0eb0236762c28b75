import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnavailableError } from '../../src/broker/broker.ts';
import type { RedisOptions } from '../../src/broker/redis/redis-options.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { textPublication } from '../support/broker-cluster.ts';
import { failureOf } from '../support/failure-of.ts';
import { allowApp, appUser, startBroker, troubleOf, type StartedBroker } from '../support/redis-app-user.ts';
import { redisBrokers, type RedisBrokers } from '../support/redis-brokers.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const quick: Partial<RedisOptions> = { detectionMs: 1_000, connectTimeoutMs: 500, commandTimeoutMs: 500 };

let redis: RedisServer;
let brokers: RedisBrokers;
let logged: string[];
beforeEach(async () => {
  redis = await startRedis();
  logged = [];
  const keep = (...[, message]: Parameters<Log['warn']>): void => {
    logged.push(message);
  };
  const log: Log = { ...silentLog, warn: keep, info: keep };
  brokers = redisBrokers({ url: redis.url, ...quick, ...appUser, channelPrefix: '', keyPrefix: 'carillon:' }, { log });
  await allow('on', '>secret', '~*', '&*', '+@all');
});
afterEach(async () => {
  await brokers[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const allow = (...rules: string[]): Promise<void> => allowApp(redis, ...rules);
const join = (): Promise<StartedBroker> => startBroker(brokers);

/** How often the command came, also where it was refused. */
async function calls(command: string): Promise<number> {
  const stats = await redis.admin.info('commandstats');
  const line = new RegExp(`cmdstat_${command}:.*`).exec(stats)?.[0] ?? '';
  return [...line.matchAll(/[ ,:](?:calls|rejected_calls)=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
}

describe('a name that was subscribed and that Redis forbids now', () => {
  it('turns the round trip red with the reason, once in the log, and tells who asks for it at once', async () => {
    const one = await join();
    await one.broker.subscribe(['room', 'other', 'bells']);
    await allow('resetchannels', '&carillon:*', '&bells');
    const reason = /refuses user "app": NOPERM .*\(subscription "(room|other)" and 1 more, subscribed until now\)/;
    await until(async () => reason.test(await troubleOf(one)), { what: 'the reason' });
    expect(one.broker.stats).toMatchObject({ missingSubscriptions: 2, subscriptions: 3, linksUp: 1 });
    const failure = await failureOf(one.broker.subscribe(['room']), BrokerUnavailableError);
    expect(failure.message).toMatch(/refuses user "app": NOPERM/);
    await until(() => logged.some((line) => reason.test(line)), { what: 'the log' });
    // Others go on.
    await one.broker.publish(textPublication('bells', 'hello'));
    await until(() => one.sink.texts('bells').length === 1);
    expect(new Set(one.sink.gaps.flat())).toEqual(new Set(['bells']));

    await allow('&*');
    await one.broker.subscribe(['room', 'other']);
    expect(await troubleOf(one)).toBe('');
    expect(new Set(one.sink.gaps.flat())).toEqual(new Set(['bells', 'room', 'other']));
    expect(one.broker.stats.missingSubscriptions).toBe(0);
    expect(logged.filter((line) => line.includes('NOPERM'))).toHaveLength(1);
    expect(logged.at(-1)).toBe('no subscription is forbidden by Redis any more');
  });

  it('does not matter any more when it is left', async () => {
    const one = await join();
    await one.broker.subscribe(['room']);
    await allow('resetchannels', '&carillon:*');
    await until(async () => (await troubleOf(one)).includes('"room"'), { what: 'the reason' });
    await one.broker.unsubscribe(['room']);
    expect(await troubleOf(one)).toBe('');
    expect(one.broker.stats).toMatchObject({ missingSubscriptions: 0, subscriptions: 0 });
  });

  it('is asked for again without more and more commands', async () => {
    const one = await join();
    await one.broker.subscribe(['room']);
    await allow('resetchannels', '&carillon:*');
    await until(async () => (await troubleOf(one)).includes('"room"'), { what: 'the reason' });
    const before = await calls('subscribe');
    const asked = Array.from({ length: 100 }, () => one.broker.subscribe(['room']).catch(() => 'refused'));
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['refused']));
    expect((await calls('subscribe')) - before).toBeLessThanOrEqual(2);
  });
});

describe('a name that Redis never allowed', () => {
  it('is refused to who asks for it, and turns nothing red', async () => {
    await allow('resetchannels', '&carillon:*', '&bells');
    const one = await join();
    await one.broker.subscribe(['bells']);
    const failure = await failureOf(one.broker.subscribe(['room']), BrokerUnavailableError);
    expect(failure.message).toMatch(/refuses user "app": NOPERM/);
    expect(await troubleOf(one)).toBe('');
    expect(one.broker.stats).toMatchObject({ missingSubscriptions: 0, subscriptions: 1 });
    expect(logged.filter((line) => line.includes('NOPERM'))).toEqual([]);
  });

  it('is not sent again when it was left before it was refused, and those behind it are', async () => {
    await allow('resetchannels', '&carillon:*', '&bells');
    const one = await join();
    const before = await calls('subscribe');
    // As many as are under way at a time.
    const forbidden = Array.from({ length: 500 }, (_, index) => `forbidden ${index}`);
    const abandoned = one.broker.subscribe(forbidden);
    const behind = one.broker.subscribe(['bells']);
    // Sent, and not answered yet.
    await new Promise((resolve) => setImmediate(resolve));
    await one.broker.unsubscribe(forbidden);
    await Promise.all([abandoned, behind]);
    expect((await calls('subscribe')) - before).toBeLessThanOrEqual(3);
  });
});
