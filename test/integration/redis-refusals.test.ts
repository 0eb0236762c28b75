import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { explainRedisError } from '../../src/broker/redis/redis-command-errors.ts';
import type { RedisContext } from '../../src/broker/redis/redis-context.ts';
import { RedisHistory } from '../../src/broker/redis/redis-history.ts';
import { RedisPresence } from '../../src/broker/redis/redis-presence.ts';
import { RedisPublish } from '../../src/broker/redis/redis-publish.ts';
import { textPublication } from '../support/broker-cluster.ts';
import { redisContext } from '../support/redis-client-commands.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';

const room = '/websocket/chat';
const history = { size: 10, ttl: 60 };

function presenceOn(context: RedisContext): RedisPresence {
  return new RedisPresence(context, {
    ttlMs: 60_000,
    fenceDeadlineMs: 1_000,
    isSubscribed: () => false,
    tell: () => {},
  });
}

async function connectAsApp({ port }: RedisServer): Promise<Redis> {
  const client = new Redis(port, { lazyConnect: true, username: 'app', password: 'any' });
  client.on('error', () => {});
  await client.connect();
  return client;
}

describe('a Redis that does not take everything', () => {
  it('refuses as a whole what needs memory when it has none, and does what needs none', async () => {
    await using server = await startRedis();
    const context = redisContext(server.admin);
    const publisher = new RedisPublish(context);
    const reader = new RedisHistory(context);
    const presence = presenceOn(context);
    const since = await publisher.publish(textPublication(room, '1'), { history });
    await publisher.publish(textPublication(room, '2'), { history });
    for (const connectionId of ['a', 'b']) await presence.enter(room, { connectionId });
    await server.admin.config('SET', 'maxmemory', '1');
    const keys = (await server.admin.keys('*')).toSorted();

    await expect(publisher.publish(textPublication(room, '3'), { history })).rejects.toThrow('OOM');
    await expect(publisher.publish(textPublication(room, '3'), { history, id: 'x' })).rejects.toThrow('OOM');
    await expect(publisher.publish(textPublication(room, '3'), { id: 'x' })).rejects.toThrow('OOM');
    await expect(presence.enter(room, { connectionId: 'c' })).rejects.toThrow('OOM');
    expect((await server.admin.keys('*')).toSorted()).toEqual(keys);
    expect(await publisher.publish(textPublication(room, 'without history'))).toBeUndefined();
    if (since === undefined) throw new Error('a position is missing');
    expect((await reader.read(room, { since, limit: 5 })).publications.map(({ data }) => data.toString())).toEqual([
      '2',
    ]);
    await presence.leave(room, 'b');
    expect(await presence.members(room, 5)).toEqual({ members: [{ connectionId: 'a' }] });
    await presence.close();
    expect((await server.admin.keys('*')).some((key) => key.includes(':members:'))).toBe(false);
  });

  it('writes nothing where the user may not publish to the channel', async () => {
    await using server = await startRedis();
    const { admin } = server;
    const forbidden = '/forbidden';
    await admin.acl('SETUSER', 'app', 'on', 'nopass', '~*', '+@all', 'resetchannels', `&${room}`);
    const client = await connectAsApp(server);
    const context = redisContext(client);
    const publisher = new RedisPublish(context);
    const presence = presenceOn(context);
    const kept = textPublication(forbidden, 'x');
    for (const refused of [
      () => publisher.publish(kept, { history }),
      () => publisher.publish(kept, { history, id: '1' }),
      () => publisher.publish(kept, { id: '2' }),
      () => presence.enter(forbidden, { connectionId: 'a', user: 'ann' }),
    ]) {
      await expect(refused()).rejects.toThrow('NOPUBLISH');
      expect(await admin.keys('*')).toEqual([]);
    }
    await admin.acl('SETUSER', 'app', '&*');
    // A retry is no repetition: nothing has been published.
    expect((await publisher.publish(kept, { history, id: '1' }))?.offset).toBe(1);
    await presence.enter(forbidden, { connectionId: 'a', user: 'ann' });
    await admin.acl('SETUSER', 'app', 'resetchannels', `&${room}`);
    for (const refused of [
      () => publisher.publish(kept, { history }),
      () => presence.enter(forbidden, { connectionId: 'a', user: 'bob' }),
      () => presence.enter(forbidden, { connectionId: 'b' }),
      () => presence.leave(forbidden, 'a'),
    ]) {
      await expect(refused()).rejects.toThrow('NOPUBLISH');
    }
    await admin.acl('SETUSER', 'app', '&*');
    const reader = new RedisHistory(context);
    expect((await reader.read(forbidden, { limit: 5 })).position.offset).toBe(1);
    expect((await reader.read(forbidden, { limit: 5 })).publications.length).toBe(1);
    expect((await presence.members(forbidden, 5)).members).toEqual([{ connectionId: 'a', user: 'ann' }]);
    expect(await presence.stats(forbidden)).toEqual({ connections: 1, users: 1 });
    await presence.close();
    client.disconnect();
  });

  it('publishes nothing where the user may not write, or does not say that it has not', async () => {
    await using server = await startRedis();
    const { admin } = server;
    await admin.acl('SETUSER', 'app', 'on', 'nopass', '~*', '&*', '+@all');
    const client = await connectAsApp(server);
    const context = redisContext(client);
    const publisher = new RedisPublish(context);
    const presence = presenceOn(context);
    const published = async (): Promise<number> => {
      const calls = /cmdstat_publish:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1];
      return Number(calls ?? 0);
    };
    const explained = async (refused: Promise<unknown>): Promise<object> =>
      await refused.then(
        () => ({}),
        (error: unknown) => explainRedisError(error, { server: 'Redis', user: 'app' }),
      );
    const append = (): Promise<unknown> => publisher.publish(textPublication(room, 'x'), { history, id: '1' });
    const once = (): Promise<unknown> => publisher.publish(textPublication(room, 'x'), { id: '1' });
    const enter = (): Promise<unknown> => presence.enter(room, { connectionId: 'a', user: 'ann' });
    for (const [command, refused] of [
      ['xadd', append],
      ['pexpireat', append],
      ['hset', append],
      ['set', append],
      ['set', once],
      ['hset', enter],
      ['zadd', enter],
      ['pexpire', enter],
    ] as const) {
      await admin.acl('SETUSER', 'app', '+@all', `-${command}`);
      expect(await explained(refused()), command).toMatchObject({
        trouble: 'refused-user',
        outcome: 'refused',
        message: `Redis refuses user "app": NOPERM this user has no permissions to run the '${command}' command on this key`,
      });
      expect(await published(), command).toBe(0);
      expect(await admin.keys('*'), command).toEqual([]);
    }
    await admin.acl('SETUSER', 'app', '+@all', '-xlen');
    expect(await explained(append())).toMatchObject({ trouble: 'refused-user', outcome: 'unknown' });
    expect(await published()).toBe(1);
    await presence.close();
    client.disconnect();
  });

  it('refuses as a replica also what only reads: it would tell places that its primary does not know', async () => {
    await using primary = await startRedis();
    await using replica = await startRedis();
    await replica.admin.replicaof(primary.host, primary.port);
    const context = redisContext(replica.admin);
    await expect(new RedisHistory(context).read(room, { limit: 1 })).rejects.toThrow('READONLY');
    await expect(new RedisPublish(context).publish(textPublication(room, '1'), { history })).rejects.toThrow(
      'READONLY',
    );
  });
});
