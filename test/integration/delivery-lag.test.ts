import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import type { RuleCounts } from '../../src/metrics/rule-counts.ts';
import type { SubscriptionRule } from '../../src/gateway/subscription-rules.ts';
import { FaultyBroker } from '../support/faulty-broker.ts';
import { redisBrokers } from '../support/redis-brokers.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const subscriptions: readonly SubscriptionRule[] = [
  { pattern: '/kept/*', history: { size: 100, ttl: 60 } },
  { pattern: '/bare/*' },
];

interface Worker extends AsyncDisposable {
  readonly started: StartedGateway;
  readonly client: TestClient;
  /** What it has counted of a rule. */
  of(rule: string): RuleCounts;
}

/** A gateway, and a client of it that is in these subscriptions. */
async function worker(names: readonly string[], broker?: Broker): Promise<Worker> {
  const metrics = new Metrics();
  let joined = 0;
  const started = await startGateway(
    {},
    { metrics, subscriptions, ...(broker === undefined ? {} : { broker }) },
    async (connection, gateway) => {
      for (const name of names) await gateway.subscribe(connection, name);
      joined++;
    },
  );
  const client = await TestClient.open(started.url);
  await until(() => joined === 1);
  return {
    started,
    client,
    of: (rule) => metrics.counts.ofRule(rule),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await started[Symbol.asyncDispose]();
      metrics.close();
    },
  };
}

describe('the delivery lag', () => {
  it('is observed once per publication, however many get it, and by rule', async () => {
    const metrics = new Metrics();
    let joined = 0;
    await using started = await startGateway({}, { metrics, subscriptions }, async (connection, gateway) => {
      await gateway.subscribe(connection, '/bare/1');
      await gateway.subscribe(connection, '/no-rule');
      joined++;
    });
    const clients = await Promise.all([1, 2, 3].map(() => TestClient.open(started.url)));
    await until(() => joined === 3);
    const before = Date.now();
    for (const name of ['/bare/1', '/bare/1', '/no-rule', '/nobody/is/in/it'])
      await started.gateway.multicast(name, 'hello');
    for (const client of clients) await client.take(3);
    const { counts } = metrics;
    await until(() => counts.ofRule('/bare/*').lag.count === 2 && counts.ofRule('(none)').lag.count === 1);
    expect(counts.ofRule('/bare/*')).toMatchObject({ received: 2, deliveries: 6 });
    expect(counts.ofRule('(none)')).toMatchObject({ received: 1, deliveries: 3 });
    expect(counts.deliveries).toBe(9);
    const tookSeconds = (Date.now() - before) / 1_000;
    expect(counts.ofRule('/bare/*').lag.sum).toBeLessThanOrEqual(2 * tookSeconds);
    // The names of subscriptions are nowhere.
    expect([...counts.rules.keys()].toSorted()).toEqual(['(none)', '/bare/*']);
    for (const client of clients) await client[Symbol.asyncDispose]();
    metrics.close();
  });

  it('is none where nobody is given anything', async () => {
    await using one = await worker(['/bare/1']);
    const [connection] = one.started.gateway.connections.values();
    if (connection === undefined) throw new Error('no connection');
    await one.started.gateway.multicast('/bare/1', 'to others', { exclude: [connection] });
    await one.started.gateway.multicast('/bare/1', 'to all');
    expect(await one.client.next()).toBe('to all');
    await until(() => one.of('/bare/*').lag.count > 0);
    expect(one.of('/bare/*')).toMatchObject({ received: 2, deliveries: 1, lag: { count: 1 } });
  });

  it('is the time since the publishing by the clock of the publisher, and 0 where that is ahead', async () => {
    const broker = new FaultyBroker();
    const apart = [3_000, -3_000];
    broker.onDeliver = (publication, deliver) =>
      deliver({ ...publication, publishedMs: Date.now() - (apart.shift() ?? 0) });
    await using one = await worker(['/bare/1'], broker);
    await one.started.gateway.multicast('/bare/1', 'late');
    await one.started.gateway.multicast('/bare/1', 'early');
    await one.client.take(2);
    const { lag } = one.of('/bare/*');
    await until(() => lag.count === 2);
    expect(lag.sum).toBeGreaterThanOrEqual(3);
    expect(lag.buckets[0]).toBe(1);
  });

  it('is not that of what comes from history', async () => {
    const broker = new FaultyBroker();
    await using one = await worker(['/kept/1'], broker);
    const { gateway } = one.started;
    // The first is lost; the second shows it.
    let lost = 1;
    broker.onDeliver = (publication, deliver) => {
      if (lost-- > 0) return;
      deliver(publication);
    };
    await gateway.multicast('/kept/1', 'lost');
    await gateway.multicast('/kept/1', 'live');
    expect(await one.client.take(2)).toEqual(['lost', 'live']);
    await gateway.multicast('/kept/1', 'last');
    expect(await one.client.next()).toBe('last');
    const counts = one.of('/kept/*');
    await until(() => counts.lag.count > 0);
    expect(counts).toMatchObject({ received: 3, deliveries: 3 });
    expect(counts.lag.count).toBeLessThan(3);
  });
});

describe('the delivery lag through Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis?.[Symbol.asyncDispose]();
  });

  it('is known to every worker with history, and of a bare payload to the one that published it', async () => {
    await using brokers = redisBrokers({ url: redis.url });
    await using publisher = await worker(['/kept/1', '/bare/1'], await brokers.join());
    await using other = await worker(['/kept/1', '/bare/1'], await brokers.join());
    const { gateway } = publisher.started;
    for (let i = 0; i < 5; i++) {
      await gateway.multicast('/kept/1', 'kept');
      await gateway.multicast('/bare/1', 'bare');
      await gateway.multicast('/bare/1', 'in an envelope', { info: '{}' });
    }
    for (const { client } of [publisher, other]) await client.take(15);
    await until(() => publisher.of('/bare/*').lag.count === 10 && other.of('/bare/*').lag.count === 5);
    await until(() => [publisher, other].every((one) => one.of('/kept/*').lag.count === 5));
    expect(other.of('/bare/*')).toMatchObject({ received: 10, deliveries: 10 });
  });

  it('is unknown of what other programs publish, and a bare payload stays bare', async () => {
    await using brokers = redisBrokers({ url: redis.url, channelPrefix: 'bare-' });
    await using one = await worker(['/bare/1'], await brokers.join());
    const listener = redis.admin.duplicate();
    const heard: string[] = [];
    listener.on('messageBuffer', (_channel: Buffer, payload: Buffer) => heard.push(payload.toString('latin1')));
    await listener.subscribe('bare-/bare/1');
    await redis.admin.publish('bare-/bare/1', 'from elsewhere');
    await one.started.gateway.multicast('/bare/1', 'from here');
    expect(await one.client.take(2)).toEqual(['from elsewhere', 'from here']);
    await until(() => one.of('/bare/*').lag.count === 1 && heard.length === 2);
    expect(heard).toEqual(['from elsewhere', 'from here']);
    expect(one.of('/bare/*')).toMatchObject({ received: 2, lag: { count: 1 } });
    listener.disconnect();
  });

  it('is not kept: what a history has is what it had without', async () => {
    await using brokers = redisBrokers({ url: redis.url, keyPrefix: 'lag:', channelPrefix: 'lag-' });
    await using one = await worker(['/kept/1'], await brokers.join());
    await one.started.gateway.multicast('/kept/1', 'kept', { info: '{}' });
    await one.client.next();
    const key = 'lag:{lag-/kept/1}:stream:lag-/kept/1';
    const [entry] = await redis.admin.xrangeBuffer(key, '-', '+');
    // Information, end, data: no field 80.
    expect(entry?.[1][1]?.toString('hex')).toBe('ff010104027b7d00' + Buffer.from('kept').toString('hex'));
    const { publications } = await one.started.gateway.history('/kept/1', { limit: 1 });
    expect(publications[0]?.publishedMs).toBeUndefined();
  });
});
