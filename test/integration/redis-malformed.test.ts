import { describe, expect, it } from 'vitest';
import { RedisBroker } from '../../src/broker/redis/redis-broker.ts';
import { RedisNames } from '../../src/broker/redis/redis-names.ts';
import { defaultRedisOptions } from '../../src/broker/redis/redis-options.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { seeingEncoding, readSeen } from '../support/recovering-client.ts';
import { startGateway } from '../support/start-gateway.ts';
import { startRedis } from '../support/start-redis.ts';
import { TestClient } from '../support/test-client.ts';

describe('an entry of the history in Redis that nobody understands', () => {
  it('is skipped by those that stay and by those that come back, and costs nobody anything else', async () => {
    await using server = await startRedis();
    const options = { ...defaultRedisOptions, url: server.url };
    const metrics = new Metrics();
    const broker = new RedisBroker(options);
    await using started = await startGateway(
      { encoding: () => seeingEncoding },
      { broker, metrics, subscriptions: [{ pattern: 'n', history: { size: 100, ttl: 60 } }] },
    );
    const { gateway } = started;
    await using client = await TestClient.open(started.url);
    const [connection] = gateway.connections.values();
    if (connection === undefined) throw new Error('no connection');
    await gateway.subscribe(connection, 'n');
    const since = await gateway.multicast('n', 'one');
    await readSeen(client, 1);
    const [meta, stream] = new RedisNames(options).historyKeys('n');
    const malformed = Buffer.from([0xff, 99, 1]);
    await server.admin.call('XADD', stream, '2-0', 'payload', malformed, 'expires', String(Date.now() + 60_000));
    await server.admin.hincrby(meta, 'offset', 1);
    await gateway.multicast('n', 'three');
    await gateway.multicast('n', 'four');
    expect(await readSeen(client, 2)).toMatchObject([{ data: 'three' }, { data: 'four' }]);
    await using _other = await TestClient.open(started.url);
    const back = [...gateway.connections.values()].find((one) => one !== connection);
    if (back === undefined || since === undefined) throw new Error('no connection');
    const subscribed = await gateway.subscribe(back, 'n', { since });
    expect(subscribed?.recovered).toBe(true);
    expect(subscribed?.publications.map(({ data }) => data.toString())).toEqual(['three', 'four']);
    expect(broker.stats.malformed).toBeGreaterThan(0);
    expect(metrics.counts.gaps.size).toBe(0);
  });
});
