import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { RedisBroker } from '../../src/broker/redis/redis-broker.ts';
import { RedisNames } from '../../src/broker/redis/redis-names.ts';
import { defaultRedisOptions } from '../../src/broker/redis/redis-options.ts';
import { textPublication } from '../support/broker-cluster.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { startRedis } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const room = '/websocket/chat';
const history = { size: 10, ttl: 60 };
const page = await readFile(new URL('../../docs/clustering.md', import.meta.url), 'utf8');

describe('the Redis user of docs/clustering.md', () => {
  it('may do all that the broker does', async () => {
    const [, user = '', rules = ''] = /^ACL SETUSER (\S+) (.*)$/m.exec(page) ?? [];
    await using server = await startRedis();
    await server.admin.acl('SETUSER', user, ...rules.split(' '));
    await server.admin.acl('LOG', 'RESET');
    const options = { ...defaultRedisOptions, url: server.url, username: user, password: 'password', presenceTtl: 0.3 };
    const one = new RedisBroker(options);
    const other = new RedisBroker(options);
    const sink = new RecordingSink();
    await one.start(sink);
    await other.start(new RecordingSink());
    await one.control.listen('node', () => {});
    await one.control.send({ type: 'any', body: '' }, 'node');
    await one.subscribe([room, 'left']);
    await one.unsubscribe(['left']);
    await other.publish(textPublication(room, 'plain'));
    await other.publish(textPublication(room, 'with id'), { id: '1' });
    const since = await other.publish(textPublication(room, 'kept'), { history: { size: 10, ttl: 0.05 } });
    await other.publish(textPublication(room, 'kept with id'), { history, id: '2' });
    await until(() => sink.publications.length === 4, { what: 'all were delivered' });
    if (since === undefined) throw new Error('a position is missing');
    // Until the first has expired, and is dropped.
    await until(async () => (await one.history.read(room, { limit: 5 })).publications.length === 1);
    expect((await one.history.read(room, { since, limit: 5, reverse: true })).lost).toBeUndefined();
    await other.presence.enter(room, { connectionId: 'a', user: 'ann' });
    await other.presence.enter(room, { connectionId: 'a', user: 'bob' });
    await other.presence.enter(room, { connectionId: 'b' });
    await other.presence.leave(room, 'b');
    expect((await one.presence.members(room, 10)).members.length).toBe(1);
    expect(await one.presence.stats(room)).toEqual({ connections: 1, users: 1 });
    expect(await one.probe.roundTrip(2_000)).toBeGreaterThanOrEqual(0);
    // Two rounds of refreshing, the first of them after an eviction.
    const [, joins, expiries] = new RedisNames(defaultRedisOptions).presenceKeys(room);
    await server.admin.del(joins, expiries);
    const refreshed = async (): Promise<number> =>
      Number(/cmdstat_zcard:calls=(\d+)/.exec(await server.admin.info('commandstats'))?.[1] ?? 0);
    const before = await refreshed();
    await until(async () => (await refreshed()) >= before + 4, { what: 'members were refreshed' });
    // An empty history and a name that nobody is in.
    await one.presence.members('empty', 1);
    await one.history.read('empty', { limit: 1 });
    await Promise.all([one.close(), other.close()]);
    expect(await server.admin.acl('LOG')).toEqual([]);
  });
});
