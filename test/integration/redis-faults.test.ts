import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnavailableError } from '../../src/broker/broker.ts';
import type { RedisBroker } from '../../src/broker/redis/redis-broker.ts';
import type { RedisOptions } from '../../src/broker/redis/redis-options.ts';
import { settled, textPublication } from '../support/broker-cluster.ts';
import { failureOf } from '../support/failure-of.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { redisBrokers, type RedisBrokers } from '../support/redis-brokers.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { startTcpServer } from '../support/start-tcp-server.ts';
import { startTcpProxy } from '../support/start-tcp-proxy.ts';
import { until } from '../support/until.ts';

const room = '/websocket/chat';
/** Short, so that the tests are; long enough for a machine that others use too. */
const quick: Partial<RedisOptions> = { detectionMs: 1_000, connectTimeoutMs: 500, commandTimeoutMs: 500 };

let redis: RedisServer;
let brokers: RedisBrokers;
beforeEach(async () => {
  redis = await startRedis();
  brokers = redisBrokers({ url: redis.url, ...quick });
});
afterEach(async () => {
  await brokers[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

interface Joined {
  readonly broker: RedisBroker;
  readonly sink: RecordingSink;
}

async function join(more: Partial<RedisOptions> = {}): Promise<Joined> {
  const sink = new RecordingSink();
  const broker = await brokers.join(more);
  await broker.start(sink);
  return { broker, sink };
}

/** Why the round trip fails now; undefined: it does not. */
async function troubleOf({ broker }: Joined): Promise<string | undefined> {
  try {
    await broker.probe.roundTrip(400);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(BrokerUnavailableError);
    return (error as Error).message;
  }
}

async function untilTrouble(one: Joined, message: RegExp): Promise<void> {
  await until(async () => message.test((await troubleOf(one)) ?? ''), { what: `trouble ${message}` });
}

/** Healed before that, it is as if nothing had been. */
async function untilReplaced({ broker }: Joined): Promise<void> {
  await until(() => broker.stats.replaced.silent > 0, { what: 'the silent connection was given up' });
}

async function untilWell(one: Joined): Promise<void> {
  await until(async () => (await troubleOf(one)) === undefined, { what: 'the round trip works' });
}

/** Of the one subscriber there is, as Redis sees it. */
async function subscriberPort(): Promise<number> {
  const list = String(await redis.admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
  const ports = [...list.matchAll(/ addr=127\.0\.0\.1:(\d+) /g)].map(([, port]) => Number(port));
  expect(ports).toHaveLength(1);
  return ports[0] ?? 0;
}

/** Whatever happened: what is published now comes, and the gap was told before. */
async function expectRecovered(one: Joined, name = room): Promise<void> {
  await until(() => one.sink.gaps.flat().includes(name), { what: 'the gap is told' });
  await untilWell(one);
  await one.broker.publish(textPublication(name, 'after'));
  await until(() => one.sink.texts(name).includes('after'), { what: 'what is published later comes' });
}

describe('a Redis broker whose Redis', () => {
  it('is restarted recovers, tells the gap of all its names, and delivers again', async () => {
    const one = await join();
    await one.broker.subscribe([room, 'another']);
    await redis.stop();
    await untilTrouble(one, /^(Redis .* is unreachable: .*ECONNREFUSED|the connection to Redis .* was lost)/);
    const failure = await failureOf(one.broker.publish(textPublication(room, 'lost')), BrokerUnavailableError);
    expect(failure.outcome).toBe('refused');

    await redis.restart();
    await expectRecovered(one);
    expect(new Set(one.sink.gaps.flat())).toEqual(new Set([room, 'another']));
    expect(one.sink.texts(room)).toEqual(['after']);
    expect(one.broker.stats).toMatchObject({ linksUp: 1, linksDown: 0, resubscribedNames: 2, subscriptions: 2 });
    expect(one.broker.stats.subscriberReconnects).toBeGreaterThan(0);
  });

  it('hangs is found out, and recovers when it goes on', async () => {
    const one = await join();
    await one.broker.subscribe([room]);
    redis.signal('SIGSTOP');
    await untilTrouble(one, /does not answer/);
    await untilReplaced(one);
    await expect(one.broker.publish(textPublication(room, 'lost'))).rejects.toBeInstanceOf(BrokerUnavailableError);

    redis.signal('SIGCONT');
    await expectRecovered(one);
  });

  it('hangs has what was under way answered with an unknown outcome', async () => {
    const one = await join();
    redis.signal('SIGSTOP');
    const failure = await failureOf(one.broker.publish(textPublication(room, 'perhaps')), BrokerUnavailableError);
    expect(failure.outcome).toBe('unknown');
    redis.signal('SIGCONT');
  });

  it.each(['to server', 'to client', undefined] as const)(
    'is behind a network that lets nothing through (%s) is found out, and recovers',
    async (direction) => {
      await using proxy = await startTcpProxy(redis.port);
      const one = await join({ url: `redis://127.0.0.1:${proxy.port}` });
      await one.broker.subscribe([room]);
      proxy.hold(direction);
      await untilTrouble(one, /does not answer/);
      await untilReplaced(one);
      proxy.heal();
      await expectRecovered(one);
    },
  );

  it('ends only the subscriber connection is subscribed to again, and the gap is told', async () => {
    const one = await join();
    await one.broker.subscribe([room]);
    await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await expectRecovered(one);
    expect(one.broker.stats).toMatchObject({ subscriberReconnects: 1, commandReconnects: 0 });
    expect(one.broker.stats.slowConsumerDisconnects).toBe(0);
  });

  it('keeps the subscriber connection open and delivers nothing over it has that one replaced, and no other', async () => {
    await using proxy = await startTcpProxy(redis.port);
    const one = await join({ url: `redis://127.0.0.1:${proxy.port}` });
    await one.broker.subscribe([room]);
    proxy.holdOne(await subscriberPort());
    await one.broker.publish(textPublication(room, 'lost'));
    await untilReplaced(one);

    // Without the network being healed: what works now is another connection.
    await expectRecovered(one);
    expect(one.sink.texts(room)).toEqual(['after']);
    expect(one.sink.gaps).toEqual([[room]]);
    expect(one.broker.stats.replaced).toEqual({ silent: 1, 'read-only': 0, 'subscribe-failed': 0, moved: 0 });
    expect(one.broker.stats).toMatchObject({ subscriberReconnects: 1, commandReconnects: 0 });
  });

  it('takes the channels of our user away says so, and recovers when they are given back', async () => {
    const one = await join();
    await one.broker.subscribe([room]);
    // Redis ends the connection of a subscriber that may not be one any more.
    await redis.admin.call('ACL', 'SETUSER', 'default', 'resetchannels', '-publish', '-subscribe');
    await untilTrouble(one, /refuses user "default"/);
    await redis.admin.call('ACL', 'SETUSER', 'default', 'allchannels', '+@all');
    await expectRecovered(one);
  });

  it('is demoted says so, is not kept, and serves again when it is promoted', async () => {
    await using other = await startRedis();
    const one = await join();
    await one.broker.subscribe([room]);
    await redis.admin.replicaof(other.host, String(other.port));
    await untilTrouble(one, /^Redis 127\.0\.0\.1:\d+ is read-only: it (has been demoted to|is) a replica/);
    await until(() => one.broker.stats.replaced['read-only'] > 0);
    await expect(one.broker.publish(textPublication(room, 'lost'))).rejects.toThrow(/read-only/);

    await redis.admin.replicaof('NO', 'ONE');
    await expectRecovered(one);
  });

  it('is out of memory says so, and keeps its subscribers', async () => {
    const one = await join({ detectionMs: 5_000 });
    await one.broker.subscribe([room]);
    await redis.admin.config('SET', 'maxmemory', '1mb');
    await redis.admin.config('SET', 'maxmemory-policy', 'noeviction');
    await untilTrouble(one, /^Redis 127\.0\.0\.1:\d+ is out of memory \(maxmemory\): OOM/);
    const kept = one.broker.publish(textPublication(room, 'kept'), { history: { size: 10, ttl: 60 } });
    await expect(kept).rejects.toThrow(/out of memory/);

    await redis.admin.config('SET', 'maxmemory', '0');
    await untilWell(one);
    expect(one.sink.gaps).toEqual([]);
    expect(one.broker.stats).toMatchObject({ subscriberReconnects: 0, commandReconnects: 0 });
  });

  it('refuses to write for want of replicas says so', async () => {
    const one = await join();
    await redis.admin.config('SET', 'min-replicas-to-write', '1');
    await untilTrouble(one, /has too few replicas/);
    await redis.admin.config('SET', 'min-replicas-to-write', '0');
    await untilWell(one);
  });

  it('takes the rights of our user away says so, and recovers when they are given back', async () => {
    await redis.admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
    const one = await join({ username: 'app', password: 'secret' });
    await one.broker.subscribe([room]);
    await redis.admin.call('ACL', 'SETUSER', 'app', '-@all');
    await untilTrouble(one, /refuses user "app": NOPERM/);
    await redis.admin.call('ACL', 'SETUSER', 'app', '+@all');
    await untilWell(one);
  });

  it('removes our user says so without its password', async () => {
    await redis.admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
    const one = await join({ username: 'app', password: 'secret' });
    await one.broker.subscribe([room]);
    await redis.admin.call('ACL', 'DELUSER', 'app');
    await untilTrouble(one, /refuses user "app": WRONGPASS/);
    expect(await troubleOf(one)).not.toContain('secret');
    await redis.admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
    await expectRecovered(one);
  });

  it('ends us for reading too slowly has that counted', async () => {
    await redis.admin.config('SET', 'client-output-buffer-limit', 'pubsub 1mb 0 0');
    const one = await join({ channelPrefix: '' });
    await one.broker.subscribe([room]);
    // While this process does not read.
    const flood = `for i = 1, 10 do redis.call('PUBLISH', ARGV[1], string.rep('x', 100000)) end`;
    execFileSync('/usr/bin/redis-cli', ['-p', String(redis.port), '-r', '40', 'EVAL', flood, '0', room]);
    await expectRecovered(one);
    expect(one.broker.stats.slowConsumerDisconnects).toBe(1);
  });

  it('has forgotten the scripts keeps the order of what is published', async () => {
    const one = await join();
    await one.broker.subscribe([room]);
    const history = { size: 1_000, ttl: 60 };
    const sent: string[] = [];
    const all: Promise<unknown>[] = [];
    for (let round = 0; round < 10; round++) {
      all.push(redis.admin.script('FLUSH'));
      for (let index = 0; index < 20; index++) {
        sent.push(`${round} ${index}`);
        all.push(one.broker.publish(textPublication(room, sent.at(-1) ?? ''), { history }));
        if (index % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await Promise.all(all);
    await settled([one]);
    expect(one.sink.texts(room)).toEqual(sent);
  });
});

describe('the start of a Redis broker', () => {
  // Longer than the command timeout by far, so that the reason is known by then whatever else the machine does.
  const refuse = (more: Partial<RedisOptions>): Promise<Error> =>
    failureOf(join({ connectTimeoutMs: 2_500, ...more }), BrokerUnavailableError);

  it('fails with the reason when nobody listens', async () => {
    const { port } = redis;
    await redis.stop();
    expect((await refuse({})).message).toBe(
      `Redis 127.0.0.1:${port} is unreachable: connect ECONNREFUSED 127.0.0.1:${port}`,
    );
  });

  it('fails with the reason when nobody answers', async () => {
    redis.signal('SIGSTOP');
    expect((await refuse({})).message).toMatch(/^Redis 127\.0\.0\.1:\d+ does not answer/);
    redis.signal('SIGCONT');
  });

  it('fails with the reason when the password is wrong, and does not tell it', async () => {
    await redis.admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
    const failure = await refuse({ url: `redis://app:not-so-secret@127.0.0.1:${redis.port}` });
    expect(failure.message).toMatch(/refuses user "app": WRONGPASS/);
    expect(failure.message).not.toContain('not-so-secret');
    expect(failure.cause).toBeUndefined();
  });

  it('fails with the reason when a password is needed', async () => {
    await redis.admin.config('SET', 'requirepass', 'secret');
    expect((await refuse({})).message).toMatch(/refuses user "default": NOAUTH/);
  });

  it('fails with the reason when the server is a replica', async () => {
    await using replica = await startRedis({ args: ['--replicaof', redis.host, String(redis.port)] });
    expect((await refuse({ url: replica.url })).message).toMatch(/is read-only: it is a replica, not the primary$/);
  });

  it('fails with the reason when the server is no node of a cluster', async () => {
    const failure = await refuse({ cluster: [{ host: redis.host, port: redis.port }] });
    expect(failure.message).toMatch(/cluster support disabled/);
  });

  it('fails with the reason when Redis does not have the database', async () => {
    expect((await refuse({ db: 99 })).message).toBe(
      `Redis 127.0.0.1:${redis.port} does not let us use redis.db 99: ERR DB index is out of range`,
    );
    expect(await redis.admin.keys('*')).toEqual([]);
    const one = await join({ db: 1 });
    await one.broker.publish(textPublication(room, 'kept'), { history: { size: 10, ttl: 60 } });
    await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await untilWell(one);
    await one.broker.publish(textPublication(room, 'kept'), { history: { size: 10, ttl: 60 } });
    expect(await redis.admin.keys('*')).toEqual([]);
    await redis.admin.select(1);
    expect(await redis.admin.keys('*:stream:*')).toHaveLength(1);
  });

  it('does not knock at the doors of a dead cluster all the time', async () => {
    let knocks = 0;
    await using nobody = await startTcpServer((socket) => {
      knocks++;
      socket.destroy();
    });
    const seeds = Array.from({ length: 3 }, () => ({ host: '127.0.0.1', port: nobody.port }));
    const failure = await refuse({ cluster: seeds, connectTimeoutMs: 2_000, commandTimeoutMs: 2_000 });
    expect(failure.message).toMatch(/^the Redis cluster is unreachable: /);
    // All of them every 100 ms would be about 120.
    expect(knocks).toBeLessThan(60);
  });

  it('fails with the reason when no sentinel knows the primary', async () => {
    const nodes = [{ host: redis.host, port: redis.port }];
    const failure = await refuse({ sentinels: { name: 'mymaster', nodes } });
    expect(failure.message).toMatch(/^no sentinel knows the primary "mymaster"/);
  });

  it('waits for a Redis that is just starting', async () => {
    await redis.stop();
    const starting = join({ connectTimeoutMs: 5_000 });
    await redis.restart();
    const one = await starting;
    expect(await one.broker.publish(textPublication(room, 'hello'))).toBeUndefined();
  });
});
