import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { ClusterServers } from '../../src/broker/redis/cluster-servers.ts';
import { Departures } from '../../src/broker/redis/departures.ts';
import { HeldChannel } from '../../src/broker/redis/held-channel.ts';
import { loadScripts } from '../../src/broker/redis/load-scripts.ts';
import { RedisBrokerStats } from '../../src/broker/redis/redis-broker-stats.ts';
import { defaultRedisOptions } from '../../src/broker/redis/redis-options.ts';
import { redisSettings } from '../../src/broker/redis/redis-settings.ts';
import { slotOf } from '../../src/broker/redis/redis-slot.ts';
import { silentLog } from '../../src/lib/log.ts';
import { startRedisCluster } from '../support/start-redis-cluster.ts';
import { startRedis } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('goes over all names once for however many slots Redis points elsewhere within a turn', async () => {
  await using server = await startRedis();
  const address = `${server.host}:${server.port}`;
  const options = { ...defaultRedisOptions, cluster: [{ host: server.host, port: server.port }] };
  let routed = 0;
  let placed = 0;
  const servers = new ClusterServers(
    {
      options,
      settings: redisSettings(options),
      scripts: loadScripts(),
      isSharded: true,
      stats: new RedisBrokerStats(),
      log: silentLog,
    },
    {
      onMessage: () => {},
      onLive: () => {},
      onDropped: () => {},
      onRefused: () => {},
      onRouted: () => void routed++,
      onHealth: () => {},
    },
    (tag) => {
      placed++;
      return { channel: `{${tag}}`, key: `{${tag}}` };
    },
  );
  for (let slot = 0; slot < 1_000; slot++) servers.moved(slot, address);
  // Who asks is sent there at once.
  expect(servers.nodeOf(999)).toBe(servers.nodeAt(address));
  expect(routed).toBe(0);
  await nextTurn();
  expect([routed, placed]).toEqual([1, 1]);

  servers.moved(0, address);
  await nextTurn();
  expect(routed).toBe(1);
  servers.moved(1_000, address);
  await servers.close();
  await nextTurn();
  expect(routed).toBe(1);
});

it('leaves the other names also where Redis refuses to leave some', async () => {
  await using cluster = await startRedisCluster();
  const node = await cluster.primaryOf(slotOf('own'));
  let foreign = 'foreign';
  for (let number = 0; (await cluster.primaryOf(slotOf(foreign))).id === node.id; number++)
    foreign = `foreign${number}`;
  const client = new Redis(node.server.port, node.server.host);
  client.on('error', () => {});
  await client.ssubscribe('own');
  const subscribers = async (): Promise<unknown> => await node.server.admin.call('PUBSUB', 'SHARDNUMSUB', 'own');
  expect(await subscribers()).toEqual(['own', 1]);
  const departures = new Departures({
    isSharded: true,
    client: () => client,
    isHeld: () => false,
    forget: () => {},
  });
  const stats = new RedisBrokerStats();
  // A batch of which this node says MOVED, and then another one.
  const names = [...Array.from({ length: 250 }, (_, index) => `{${foreign}}${index}`), 'own'];
  for (const name of names) departures.add(new HeldChannel({ name, channel: name, slot: slotOf(name) }, stats));
  await until(async () => String(await subscribers()) === 'own,0', { what: 'the last one was left' });
  departures.close();
  client.disconnect();
}, 60_000);
