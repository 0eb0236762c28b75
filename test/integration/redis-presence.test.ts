import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { PresenceEvent, PresenceMember } from '../../src/broker/broker.ts';
import { decodePayload } from '../../src/broker/redis/payload-codec.ts';
import { RedisPresence } from '../../src/broker/redis/redis-presence.ts';
import { redisContext } from '../support/redis-client-commands.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const room = '/websocket/chat';

interface Participant extends AsyncDisposable {
  readonly presence: RedisPresence;
  readonly events: PresenceEvent[];
  readonly problems: string[];
  /** Ends as with SIGKILL: without a word. */
  kill(): void;
}

/** @param names what it is subscribed to */
async function participant(server: RedisServer, names: readonly string[] = [], ttlMs = 400): Promise<Participant> {
  const client = new Redis(server.port, { lazyConnect: true, retryStrategy: () => 20, maxRetriesPerRequest: 0 });
  const subscriber = client.duplicate({ maxRetriesPerRequest: null });
  for (const each of [client, subscriber]) each.on('error', () => {});
  await client.connect();
  const events: PresenceEvent[] = [];
  const problems: string[] = [];
  const presence = new RedisPresence(redisContext(client, problems), {
    ttlMs,
    fenceDeadlineMs: 2_000,
    isSubscribed: (name) => names.includes(name),
    tell: (event) => events.push(event),
  });
  subscriber.on('messageBuffer', (channel: Buffer, message: Buffer) => {
    const payload = decodePayload(channel.toString(), message);
    if (payload.type === 'presence') presence.event(payload.event);
    if (payload.type === 'fence') presence.fence(channel.toString(), payload.token);
  });
  if (names.length > 0) await subscriber.subscribe(...names);
  presence.start();
  return {
    presence,
    events,
    problems,
    kill: () => {
      client.disconnect();
      subscriber.disconnect();
    },
    async [Symbol.asyncDispose]() {
      await presence.close();
      client.disconnect();
      subscriber.disconnect();
    },
  };
}

async function idsOf({ presence }: Participant, name = room): Promise<string[]> {
  const { members } = await presence.members(name, 1_000);
  return members.map(({ connectionId }) => connectionId).toSorted();
}

function told({ events }: Participant): string[] {
  return events.map(({ type, member }) => `${type} ${member.connectionId}`);
}

describe('presence in Redis', () => {
  it('lets the members of a broker that was killed vanish, and tells who only watches; the others stay', async () => {
    await using server = await startRedis();
    await using watcher = await participant(server, [room]);
    await using alive = await participant(server, [], 3_000);
    await using killed = await participant(server);
    await alive.presence.enter(room, { connectionId: 'alive' });
    await killed.presence.enter(room, { connectionId: 'k1', user: 'ann' });
    await killed.presence.enter(room, { connectionId: 'k2', user: 'ann', info: '{}' });
    killed.kill();
    await until(() => watcher.events.length === 5, { what: 'both have left' });
    expect(told(watcher).slice(0, 3)).toEqual(['join alive', 'join k1', 'join k2']);
    expect(told(watcher).slice(3).toSorted()).toEqual(['leave k1', 'leave k2']);
    expect(watcher.events.find(({ type, member }) => type === 'leave' && member.connectionId === 'k2')?.member).toEqual(
      {
        connectionId: 'k2',
        user: 'ann',
        info: '{}',
      },
    );
    expect(await watcher.presence.stats(room)).toEqual({ connections: 1, users: 0 });
    expect(await idsOf(watcher)).toEqual(['alive']);
  });

  it('lets the last member vanish as well where only watchers remain', async () => {
    await using server = await startRedis();
    await using killed = await participant(server);
    await killed.presence.enter(room, { connectionId: 'k' });
    await using watcher = await participant(server, [room]);
    // All that it has seen of presence is this.
    expect(await idsOf(watcher)).toEqual(['k']);
    killed.kill();
    await until(() => told(watcher).join() === 'leave k', { what: 'it has left' });
    expect(await server.admin.keys('carillon:*')).toEqual([]);
  });

  it('answers also who does not watch without those who have expired', async () => {
    await using server = await startRedis();
    await using killed = await participant(server);
    await using asking = await participant(server);
    await killed.presence.enter(room, { connectionId: 'k', user: 'ann' });
    expect(await asking.presence.stats(room)).toEqual({ connections: 1, users: 1 });
    killed.kill();
    await until(async () => (await asking.presence.stats(room)).connections === 0);
    expect(await asking.presence.stats(room)).toEqual({ connections: 0, users: 0 });
  });

  it('is whole again after Redis has lost everything', async () => {
    await using server = await startRedis();
    await using one = await participant(server);
    await using other = await participant(server, [room]);
    const members = Array.from({ length: 450 }, (_, index) => ({ connectionId: `c${index}`, user: `u${index % 7}` }));
    await Promise.all(members.map((member) => one.presence.enter(room, member)));
    await other.presence.enter('another', { connectionId: 'c' });
    await server.restart({ empty: true });
    // Its subscriber connection is there again and has subscribed.
    await until(async () => String(await server.admin.pubsub('NUMSUB', room)) === `${room},1`);
    one.presence.renew();
    await until(async () => (await idsOf(other).catch(() => [])).length === 450, { what: 'all are there again' });
    await until(async () => (await idsOf(one, 'another')).length === 1, { what: 'also those of the other broker' });
    expect(await one.presence.stats(room)).toEqual({ connections: 450, users: 7 });
  });

  it('is whole again after Redis has evicted one of its keys', async () => {
    await using server = await startRedis();
    await using one = await participant(server);
    const { names } = redisContext(server.admin);
    for (const key of names.presenceKeys(room).slice(0, 3)) {
      for (const connectionId of ['a', 'b']) await one.presence.enter(room, { connectionId, user: connectionId });
      await server.admin.del(key);
      await until(async () => (await idsOf(one)).join() === 'a,b' && (await one.presence.stats(room)).users === 2);
    }
  });

  it('tells of the end of dead members also where Redis has evicted any of its keys', async () => {
    const ttlMs = 1_200;
    await using server = await startRedis();
    await using watcher = await participant(server, [room], ttlMs);
    await using alive = await participant(server, [], ttlMs);
    const { names } = redisContext(server.admin);
    const [members, joins, expiries] = names.presenceKeys(room);
    await alive.presence.enter(room, { connectionId: 'alive', user: 'ann' });
    for (const evicted of [[members], [joins], [expiries], [members, joins], [members, expiries], [joins, expiries]]) {
      watcher.events.length = 0;
      await using killed = await participant(server, [], ttlMs);
      const ghost = `ghost-${'x'.repeat(200)}`;
      await killed.presence.enter(room, { connectionId: ghost, user: 'bob' });
      killed.kill();
      await server.admin.del(...evicted);
      await until(() => told(watcher).includes(`leave ${ghost}`), { what: `it has left without ${evicted.join()}` });
      await until(async () => (await idsOf(watcher)).join() === 'alive');
      expect(told(watcher)).not.toContain('leave alive');
      expect(await watcher.presence.stats(room)).toEqual({ connections: 1, users: 1 });
      for (const key of [members, joins, expiries]) expect(await server.admin.pttl(key)).toBeGreaterThan(0);
    }
    expect(watcher.problems).toEqual([]);
  }, 60_000);

  it('counts right whatever of its keys Redis has evicted', async () => {
    await using server = await startRedis();
    await using one = await participant(server, [], 60_000);
    const { names } = redisContext(server.admin);
    await one.presence.enter(room, { connectionId: 'a', user: 'n' });
    await one.presence.enter(room, { connectionId: 'b', user: 'n' });
    await one.presence.enter(room, { connectionId: 'c', user: '' });
    await one.presence.enter(room, { connectionId: 'n' });
    const [, ...lists] = names.presenceKeys(room);
    await server.admin.del(...lists);
    expect(await one.presence.stats(room)).toEqual({ connections: 4, users: 2 });
    await one.presence.enter(room, { connectionId: 'c', user: 'n' });
    expect(await one.presence.stats(room)).toEqual({ connections: 4, users: 1 });
    for (const id of ['a', 'b', 'c']) await one.presence.leave(room, id);
    expect(await one.presence.stats(room)).toEqual({ connections: 1, users: 0 });
  });

  it('does not take members for dead because Redis was paused', async () => {
    await using server = await startRedis();
    await using one = await participant(server, [room], 5_000);
    await using other = await participant(server, [room], 5_000);
    await one.presence.enter(room, { connectionId: 'a' });
    await other.presence.enter(room, { connectionId: 'b' });
    const [, , expiries] = redisContext(server.admin).names.presenceKeys(room);
    // As if that time had gone by without anybody getting through.
    await server.admin.zadd(expiries, 1, 'a', 1, 'b');
    one.presence.renew();
    expect((await one.presence.stats(room)).connections).toBe(2);
    other.presence.renew();
    await until(async () => (await server.admin.zcount(expiries, 2, '+inf')) === 2, { what: 'refreshed' });
    expect(await idsOf(one)).toEqual(['a', 'b']);
    expect(one.events.filter(({ type }) => type === 'leave')).toEqual([]);
  });

  it('gives a member to the broker that entered it last', async () => {
    await using server = await startRedis();
    await using watcher = await participant(server, [room]);
    await using before = await participant(server);
    await using after = await participant(server);
    await before.presence.enter(room, { connectionId: 'a' });
    await after.presence.enter(room, { connectionId: 'a' });
    await before.presence.close();
    await watcher.presence.enter(room, { connectionId: 'fence' });
    await until(() => watcher.events.length === 2);
    expect(told(watcher)).toEqual(['join a', 'join fence']);
    await after.presence.close();
    await until(() => watcher.events.length === 3);
    expect(told(watcher)[2]).toBe('leave a');
  });

  it('ends a page near a MiB, and goes on from there', async () => {
    await using server = await startRedis();
    await using one = await participant(server, [room], 60_000);
    const info = JSON.stringify('x'.repeat(100_000));
    const all: PresenceMember[] = Array.from({ length: 25 }, (_, index) => ({ connectionId: `c${index}`, info }));
    for (const member of all) await one.presence.enter(room, member);
    const first = await one.presence.members(room, 1_000);
    expect(first.members.length).toBe(11);
    const second = await one.presence.members(room, 1_000, first.cursor);
    const third = await one.presence.members(room, 1_000, second.cursor);
    expect(third.cursor).toBeUndefined();
    expect([...first.members, ...second.members, ...third.members]).toEqual(all);
    for (const cursor of ['x', '-1', '1e3', '9'.repeat(40)]) {
      expect(await one.presence.members(room, 10, cursor)).toEqual({ members: [] });
    }
  });

  it('removes thousands of dead members a thousand at a time', async () => {
    await using server = await startRedis();
    await using killed = await participant(server, [], 5_000);
    await Promise.all(
      Array.from({ length: 2_500 }, (_, index) => killed.presence.enter(room, { connectionId: `c${index}` })),
    );
    await using watcher = await participant(server, [room]);
    const [, , expiries] = redisContext(server.admin).names.presenceKeys(room);
    killed.kill();
    await server.admin.eval(
      `for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], 1, id) end`,
      1,
      expiries,
    );
    expect((await watcher.presence.stats(room)).connections).toBe(1_500);
    expect((await watcher.presence.members(room, 1)).members.length).toBe(1);
    await until(() => watcher.events.length === 2_500, { what: 'all have left' });
    expect(new Set(told(watcher)).size).toBe(2_500);
  });

  it('does not bring back a member whose entering failed', async () => {
    await using server = await startRedis();
    await using one = await participant(server);
    await one.presence.enter(room, { connectionId: 'a', info: '1' });
    await server.stop();
    await expect(one.presence.enter(room, { connectionId: 'a', info: '2' })).rejects.toThrow();
    await expect(one.presence.enter(room, { connectionId: 'b' })).rejects.toThrow();
    await server.restart();
    await until(async () => (await idsOf(one).catch(() => [])).length > 0, { what: 'a is there again' });
    expect((await one.presence.members(room, 10)).members).toEqual([{ connectionId: 'a', info: '1' }]);
  });
});
