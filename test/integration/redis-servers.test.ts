import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { startRedisCluster } from '../support/start-redis-cluster.ts';
import { startRedisSentinels } from '../support/start-redis-sentinels.ts';
import { startRedis } from '../support/start-redis.ts';
import { startTcpProxy } from '../support/start-tcp-proxy.ts';
import { until } from '../support/until.ts';

describe.concurrent('the cluster of Redis servers that tests start', () => {
  it('keeps its keys while a slot moves, and serves on when a primary is killed and comes back', async () => {
    await using cluster = await startRedisCluster();
    const client = new Cluster([...cluster.seeds], { clusterRetryStrategy: () => 50 });
    client.on('error', () => {});
    const slot = await cluster.slotOf('{bell}1');
    await client.mset('{bell}1', 'one', '{bell}2', 'two');
    const to = await cluster.otherPrimary(slot);
    await cluster.migrateSlot(slot, to);
    expect((await cluster.primaryOf(slot)).id).toBe(to.id);
    expect(await client.mget('{bell}1', '{bell}2')).toEqual(['one', 'two']);

    // What its replica has not heard of dies with it.
    expect(await to.server.admin.call('WAIT', 1, 20_000)).toBe(1);
    await to.server.stop('SIGKILL');
    await until(async () => (await cluster.primaryOf(slot)).id !== to.id, { deadlineMs: 30_000 });
    await cluster.settled();
    expect(await client.get('{bell}2')).toBe('two');
    await to.server.restart();
    await cluster.settled();
    client.disconnect();
  });
});

describe.concurrent('the sentinels that tests start', () => {
  it('make the replica the primary by command, and again when the primary is killed', async () => {
    await using sentinels = await startRedisSentinels();
    const client = new Redis({ sentinels: [...sentinels.addresses], name: sentinels.name });
    client.on('error', () => {});
    await client.set('bell', 'one');
    const first = await sentinels.primary();
    await sentinels.failover('command');
    const second = await sentinels.primary();
    expect(second).not.toBe(first);
    await until(async () => (await first.admin.info('replication')).includes('master_link_status:up'), {
      deadlineMs: 30_000,
    });
    await sentinels.failover('kill');
    expect(await sentinels.primary()).toBe(first);
    expect(await client.get('bell')).toBe('one');
    client.disconnect();
    await second.restart();
    await until(async () => (await second.admin.info('replication')).includes('role:slave'), { deadlineMs: 30_000 });
  });
});

describe.concurrent('the proxy that tests start', () => {
  it('holds either direction back and lets it flow again, in order', async () => {
    await using server = await startRedis();
    await using proxy = await startTcpProxy(server.port);
    const client = new Redis({ port: proxy.port, retryStrategy: () => 10 });
    client.on('error', () => {});
    await client.set('bell', '0');
    expect(proxy.accepted).toBe(1);
    for (const direction of ['to server', 'to client'] as const) {
      const before = await server.admin.get('bell');
      proxy.hold(direction);
      const answer = client.incr('bell');
      const arrives = (): Promise<boolean> => server.admin.get('bell').then((value) => value !== before);
      if (direction === 'to client') await until(arrives);
      else expect(await arrives()).toBe(false);
      proxy.heal();
      expect(await answer).toBe(Number(before) + 1);
    }
    proxy.reset();
    await until(() => proxy.accepted === 2);
    expect(await client.incr('bell')).toBe(3);
    client.disconnect();
  });

  it('delays half of what it carries and keeps the order', async () => {
    await using server = await startRedis();
    await using proxy = await startTcpProxy(server.port);
    const client = new Redis({ port: proxy.port });
    proxy.delayHalf({ delayMs: 20, seed: 1 });
    for (let i = 1; i <= 20; i++) expect(await client.incr('bell')).toBe(i);
    const many = await Promise.all(Array.from({ length: 200 }, () => client.incr('bell')));
    expect(many).toEqual(Array.from({ length: 200 }, (_, i) => 21 + i));
    client.disconnect();
  });
});
