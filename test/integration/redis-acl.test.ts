import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { RedisBroker } from '../../src/broker/redis/redis-broker.ts';
import { RedisNames } from '../../src/broker/redis/redis-names.ts';
import { defaultRedisOptions, type RedisOptions } from '../../src/broker/redis/redis-options.ts';
import { textPublication } from '../support/broker-cluster.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { startRedisCluster } from '../support/start-redis-cluster.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const room = '/websocket/chat';
const history = { size: 10, ttl: 60 };
const page = await readFile(new URL('../../docs/clustering.md', import.meta.url), 'utf8');

const [, user = '', rules = ''] = /^ACL SETUSER (\S+) (.*)$/m.exec(page) ?? [];
const [, clusterRules = ''] = /In a Redis Cluster add `([^`]+)`/.exec(page) ?? [];

/** On each server of a cluster: they do not tell each other of users. */
async function letIn(servers: readonly RedisServer[], permissions: string): Promise<void> {
  for (const { admin } of servers) {
    await admin.acl('SETUSER', user, ...permissions.split(' '));
    await admin.acl('LOG', 'RESET');
  }
}

/** What servers have refused. */
async function refusals(servers: readonly RedisServer[]): Promise<unknown[]> {
  return (await Promise.all(servers.map(({ admin }) => admin.acl('LOG')))).flat();
}

async function callsOf({ admin }: RedisServer, command: string): Promise<number> {
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await admin.info('commandstats'))?.[1] ?? 0);
}

/**
 * All that the broker does.
 * @param servers all there are, first the one that has the keys of the room
 * @param more what is done besides
 */
async function exercise(
  where: Partial<RedisOptions>,
  servers: readonly [RedisServer, ...RedisServer[]],
  more: (one: RedisBroker) => Promise<void> = async () => {},
): Promise<void> {
  const [server] = servers;
  const options = { ...defaultRedisOptions, ...where, username: user, password: 'password', presenceTtl: 0.3 };
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
  const before = await callsOf(server, 'zcard');
  await until(async () => (await callsOf(server, 'zcard')) >= before + 4, { what: 'members were refreshed' });
  // An empty history and a name that nobody is in.
  await one.presence.members('empty', 1);
  await one.history.read('empty', { limit: 1 });
  // Redis is told a little after the leaving.
  const unsubscribe = where.cluster === undefined ? 'unsubscribe' : 'sunsubscribe';
  const told = async (): Promise<boolean> => {
    const calls = await Promise.all(servers.map((each) => callsOf(each, unsubscribe)));
    return calls.some((count) => count > 0);
  };
  await until(told, { what: 'a name was given up in Redis' });
  await more(one);
  await Promise.all([one.close(), other.close()]);
}

describe('the Redis user of docs/clustering.md', () => {
  it('may do all that the broker does', async () => {
    await using server = await startRedis();
    await letIn([server], rules);
    await exercise({ url: server.url }, [server]);
    expect(await refusals([server])).toEqual([]);
  });

  it('may do all that the broker does in a Redis Cluster, with what the page adds for it', async () => {
    await using cluster = await startRedisCluster();
    const servers = cluster.nodes.map((node) => node.server);
    await letIn(servers, `${rules} ${clusterRules}`);
    const { server } = await cluster.primaryOf(await cluster.slotOf(room));
    await exercise({ cluster: cluster.seeds, commandTimeoutMs: 20_000 }, [server, ...servers], async (one) => {
      // Redis sends it from the one to the other and back, since the keys could be on either side, until the slot has moved.
      const slot = await cluster.slotOf('moving');
      const [from, to] = [await cluster.primaryOf(slot), await cluster.otherPrimary(slot)];
      await to.server.admin.cluster('SETSLOT', slot, 'IMPORTING', from.id);
      await from.server.admin.cluster('SETSLOT', slot, 'MIGRATING', to.id);
      const read = one.history.read('moving', { limit: 1 });
      const asked = until(async () => (await callsOf(to.server, 'asking')) > 0, { what: 'the new server is asked' });
      await Promise.race([asked, read]);
      await cluster.migrateSlot(slot, to);
      expect((await read).publications).toEqual([]);
      expect(await callsOf(to.server, 'asking')).toBeGreaterThan(0);
    });
    expect(await refusals(servers)).toEqual([]);
  });
});
