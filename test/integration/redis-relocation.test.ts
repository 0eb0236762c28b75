import { expect, it } from 'vitest';
import { silentLog } from '../../src/lib/log.ts';
import type { RedisLinkContext } from '../../src/broker/redis/dial-redis.ts';
import { HeldChannel } from '../../src/broker/redis/held-channel.ts';
import { loadScripts } from '../../src/broker/redis/load-scripts.ts';
import { RedisBrokerStats } from '../../src/broker/redis/redis-broker-stats.ts';
import { RedisNode } from '../../src/broker/redis/redis-node.ts';
import { defaultRedisOptions } from '../../src/broker/redis/redis-options.ts';
import { addressLabel, redisSettings } from '../../src/broker/redis/redis-settings.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

/** So slow that nothing but the word of the sentinels counts. */
const options = { ...defaultRedisOptions, detectionMs: 60_000 };

function makeNode(
  stats: RedisBrokerStats,
  locate: () => Promise<RedisServer>,
  onLive: (names: readonly HeldChannel[]) => void = () => {},
): RedisNode {
  const settings = redisSettings(options);
  const context: RedisLinkContext = {
    options,
    settings,
    scripts: loadScripts(),
    isSharded: false,
    stats,
    log: silentLog,
  };
  return new RedisNode({
    context,
    hooks: {
      onMessage: () => {},
      onLive,
      onDropped: () => {},
      onRefused: () => {},
      onMoved: () => {},
      onHealth: () => {},
    },
    locate,
    label: 'the primary',
    probe: { channel: 'probe', key: 'probe' },
  });
}

it.each(['pubsub', 'normal'])(
  'a connection that stays with the old primary goes over, when the %s one has found the new one by itself',
  async (killed) => {
    await using before = await startRedis();
    await using after = await startRedis();
    const stats = new RedisBrokerStats();
    let primary: RedisServer = before;
    const node = makeNode(stats, async () => primary);
    const connections = async (server: RedisServer): Promise<string[]> => {
      const list = String(await server.admin.call('CLIENT', 'LIST'));
      return [...list.matchAll(/ name=carillon-\d+-(\w+) /g)].map(([, name = '']) => name).toSorted();
    };
    const both = ['commands', 'subscriber'];
    node.start();
    await until(() => node.failure === undefined, { what: 'the node is well' });
    node.relocate(addressLabel(before));
    expect(stats.replaced.moved).toBe(0);

    primary = after;
    const skip = killed === 'normal' ? ['SKIPME', 'yes'] : [];
    await before.admin.call('CLIENT', 'KILL', 'TYPE', killed, ...skip);
    await until(async () => (await connections(after)).length === 1, { what: 'one has found the new primary' });
    await until(() => node.commands.client !== undefined && node.link.connection.client !== undefined);
    node.relocate(addressLabel(after));
    await until(async () => (await connections(after)).length === 2, { what: 'both are with the new primary' });
    expect(await connections(after)).toEqual(both);
    expect(stats.replaced.moved).toBe(1);
    await until(() => node.failure === undefined, { what: 'the node is well again' });
    node.relocate(addressLabel(after));
    expect(stats.replaced.moved).toBe(1);
    await node.close();
  },
);

it('tells a gap of what is live when commands go to another server, since the one before may have known less', async () => {
  await using before = await startRedis();
  await using after = await startRedis();
  const stats = new RedisBrokerStats();
  let primary: RedisServer = before;
  let confirmed = 0;
  const gaps: string[] = [];
  const node = makeNode(
    stats,
    async () => primary,
    (names) => {
      confirmed += names.length;
      for (const held of names) if (held.tellGap()) gaps.push(held.name);
    },
  );
  node.start();
  // More than are told of in one turn.
  const names = Array.from({ length: 600 }, (_, index) => `name ${index}`);
  for (const name of names) node.link.hold(new HeldChannel({ name, channel: name, slot: 0 }, stats));
  await until(() => confirmed === names.length && node.failure === undefined, { what: 'they are live' });

  const killCommands = async (): Promise<void> => {
    const reconnects = stats.commandReconnects;
    await before.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until(() => stats.commandReconnects > reconnects, { what: 'commands are sent again' });
  };
  await killCommands();
  await until(() => node.failure === undefined, { what: 'the node is well again' });
  expect(gaps).toEqual([]);

  primary = after;
  await killCommands();
  await until(() => gaps.length >= names.length, { what: 'the gaps' });
  expect(gaps.toSorted()).toEqual(names.toSorted());
  expect(stats.subscriberReconnects).toBe(0);
  await node.close();
});
