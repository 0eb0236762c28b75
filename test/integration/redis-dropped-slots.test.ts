import { describe, expect, it } from 'vitest';
import type { RedisBroker } from '../../src/broker/redis/redis-broker.ts';
import type { RedisOptions } from '../../src/broker/redis/redis-options.ts';
import { textPublication } from '../support/broker-cluster.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { redisBrokers, type RedisBrokers } from '../support/redis-brokers.ts';
import { startRedisCluster, type RedisCluster, type RedisClusterNode } from '../support/start-redis-cluster.ts';
import { until } from '../support/until.ts';

const quick: Partial<RedisOptions> = { detectionMs: 2_000, connectTimeoutMs: 500, commandTimeoutMs: 1_000 };
const names = Array.from({ length: 30 }, (_, index) => `/websocket/room/${index}`);
const [room = ''] = names;

interface Joined {
  readonly broker: RedisBroker;
  readonly sink: RecordingSink;
}

async function join(brokers: RedisBrokers): Promise<Joined> {
  const sink = new RecordingSink();
  const broker = await brokers.join();
  await broker.start(sink);
  return { broker, sink };
}

function clusterBrokers({ seeds }: RedisCluster): RedisBrokers {
  return redisBrokers({ cluster: seeds, channelPrefix: '', ...quick });
}

/** Of every primary: channel and number of subscribers. */
async function probeChannels({ nodes }: RedisCluster): Promise<Map<string, number>> {
  const all = new Map<string, number>();
  for (const { server } of nodes) {
    const channels = (await server.admin.call('PUBSUB', 'SHARDCHANNELS', '*probe*')) as string[];
    const counts = (await server.admin.call('PUBSUB', 'SHARDNUMSUB', ...channels)) as (string | number)[];
    for (let at = 0; at < counts.length; at += 2) all.set(String(counts[at]), Number(counts[at + 1]));
  }
  return all;
}

/** Without its keys: there are none. */
async function handOver(slot: number, from: RedisClusterNode, to: RedisClusterNode): Promise<void> {
  await to.server.admin.cluster('SETSLOT', slot, 'IMPORTING', from.id);
  await from.server.admin.cluster('SETSLOT', slot, 'MIGRATING', to.id);
  await to.server.admin.cluster('SETSLOT', slot, 'NODE', to.id);
  await from.server.admin.cluster('SETSLOT', slot, 'NODE', to.id);
}

/** What was dropped before is known by the end of a round trip, and may still have to be subscribed again. */
async function untilWell({ broker }: Joined): Promise<void> {
  const isWell = (): Promise<boolean> =>
    broker.probe.roundTrip(500).then(
      () => broker.stats.missingSubscriptions === 0,
      () => false,
    );
  await until(isWell, { deadlineMs: 30_000, what: 'the round trip works and every name is live' });
}

/** The gap of this name, and of no other, is told, and what is published later is delivered. */
async function expectFoundOut(one: Joined, name: string): Promise<void> {
  await until(() => one.sink.gaps.flat().includes(name), { deadlineMs: 30_000, what: 'the gap' });
  await untilWell(one);
  await one.broker.publish(textPublication(name, 'after'));
  await until(() => one.sink.texts(name).includes('after'), { what: 'what is published later comes' });
  expect(new Set(one.sink.gaps.flat())).toEqual(new Set([name]));
  expect(one.broker.stats).toMatchObject({ subscriberReconnects: 0, missingSubscriptions: 0 });
}

describe('a slot that its Redis server drops', () => {
  it('and takes again has its names subscribed again, which are not live meanwhile', async () => {
    await using cluster = await startRedisCluster();
    await using brokers = clusterBrokers(cluster);
    const one = await join(brokers);
    await one.broker.subscribe(names);
    expect(one.broker.stats.missingSubscriptions).toBe(0);
    const slot = await cluster.slotOf(room);
    const { server } = await cluster.primaryOf(slot);
    await server.admin.cluster('DELSLOTS', slot);
    await until(() => one.broker.stats.missingSubscriptions === 1, { what: 'the name is not live' });
    await server.admin.cluster('ADDSLOTS', slot);
    await expectFoundOut(one, room);

    // So quickly that no view of the cluster shows it.
    one.sink.gaps.length = 0;
    one.sink.publications.length = 0;
    await Promise.all([server.admin.cluster('DELSLOTS', slot), server.admin.cluster('ADDSLOTS', slot)]);
    await expectFoundOut(one, room);
  }, 60_000);

  it('and gets back from another at once has its names subscribed again', async () => {
    await using cluster = await startRedisCluster();
    await using brokers = clusterBrokers(cluster);
    const one = await join(brokers);
    await one.broker.subscribe(names);
    const slot = await cluster.slotOf(room);
    const from = await cluster.primaryOf(slot);
    const to = await cluster.otherPrimary(slot);
    await handOver(slot, from, to);
    await handOver(slot, to, from);
    await cluster.settled();
    await expectFoundOut(one, room);
  }, 60_000);

  it('and that the probe is in costs no connection', async () => {
    await using cluster = await startRedisCluster();
    await using brokers = clusterBrokers(cluster);
    const one = await join(brokers);
    const [channel = ''] = (await probeChannels(cluster)).keys();
    const slot = await cluster.slotOf(channel);
    const others = [];
    for (const name of names) if ((await cluster.slotOf(name)) !== slot) others.push(name);
    await one.broker.subscribe(others);
    const { server } = await cluster.primaryOf(slot);
    await Promise.all([server.admin.cluster('DELSLOTS', slot), server.admin.cluster('ADDSLOTS', slot)]);
    const { probeSeconds } = one.broker.stats;
    const before = probeSeconds.count;
    await until(() => probeSeconds.count >= before + 12, { deadlineMs: 30_000, what: 'probes come back' });
    await untilWell(one);
    expect(one.sink.gaps).toEqual([]);
    expect(one.broker.stats).toMatchObject({ linksUp: 3, subscriberReconnects: 0 });
  }, 60_000);
});

describe('the probes of brokers on one Redis Cluster', () => {
  it('each have channels and keys of their own', async () => {
    await using cluster = await startRedisCluster();
    await using brokers = clusterBrokers(cluster);
    const all = [await join(brokers), await join(brokers)];
    for (const { broker } of all) await broker.probe.roundTrip(5_000);
    const channels = await probeChannels(cluster);
    expect([...channels.values()]).toEqual([1, 1, 1, 1, 1, 1]);
    const keys = await Promise.all(cluster.nodes.slice(0, 3).map(({ server }) => server.admin.keys('*:probe:*')));
    expect(new Set(keys.flat()).size).toBe(6);
  }, 60_000);
});
