import { expect, it } from 'vitest';
import { silentLog } from '../../src/lib/log.ts';
import type { RedisLinkContext } from '../../src/broker/redis/dial-redis.ts';
import { loadScripts } from '../../src/broker/redis/load-scripts.ts';
import { RedisBrokerStats } from '../../src/broker/redis/redis-broker-stats.ts';
import { RedisNode } from '../../src/broker/redis/redis-node.ts';
import { defaultRedisOptions } from '../../src/broker/redis/redis-options.ts';
import { addressLabel, redisSettings } from '../../src/broker/redis/redis-settings.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

/** So slow that nothing but the word of the sentinels counts. */
const options = { ...defaultRedisOptions, detectionMs: 60_000 };

it.each(['pubsub', 'normal'])(
  'a connection that stays with the old primary goes over, when the %s one has found the new one by itself',
  async (killed) => {
    await using before = await startRedis();
    await using after = await startRedis();
    const stats = new RedisBrokerStats();
    const settings = redisSettings(options);
    const context: RedisLinkContext = {
      options,
      settings,
      scripts: loadScripts(),
      isSharded: false,
      stats,
      log: silentLog,
    };
    let primary: RedisServer = before;
    const node = new RedisNode({
      context,
      hooks: {
        onMessage: () => {},
        onLive: () => {},
        onDropped: () => {},
        onRefused: () => {},
        onMoved: () => {},
        onHealth: () => {},
      },
      locate: async () => primary,
      label: 'the primary',
      probe: { channel: 'probe', key: 'probe' },
    });
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
