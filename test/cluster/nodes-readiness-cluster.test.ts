import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatClient } from '../support/chat-client.ts';
import { isAlive, readinessOf, untilGreen, untilRed } from '../support/node-readiness.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { startRedisCluster, type RedisCluster } from '../support/start-redis-cluster.ts';
import { startRedisSentinels } from '../support/start-redis-sentinels.ts';
import type { RedisServer } from '../support/start-redis.ts';

/** So long nobody else takes over, and it is the gateway that is to find the fault. */
const noFailoverMs = 300_000;
const room = '/chat';
const password = 'to the nodes';
const quickly = { username: 'gateway', password, detectionMs: 1_000 };

const letIn = (redis: RedisServer): Promise<unknown> =>
  redis.admin.call('ACL', 'SETUSER', 'gateway', 'on', `>${password}`, '~*', '&*', '+@all');

interface Fault {
  readonly name: string;
  /** What the operator reads, for each worker. */
  readonly reason: (port: number) => string;
  begin(redis: RedisServer): Promise<unknown>;
  end(redis: RedisServer): Promise<unknown>;
}

const hang: Fault = {
  name: 'hangs',
  reason: (port) => `Redis 127.0.0.1:${port} does not answer`,
  begin: async (redis) => redis.signal('SIGSTOP'),
  end: async (redis) => redis.signal('SIGCONT'),
};

const faults: readonly Fault[] = [
  hang,
  {
    name: 'is out of memory',
    reason: (port) => `Redis 127.0.0.1:${port} is out of memory (maxmemory)`,
    begin: (redis) => redis.admin.config('SET', 'maxmemory', '1'),
    end: (redis) => redis.admin.config('SET', 'maxmemory', '0'),
  },
  {
    name: 'does not know the user any more',
    reason: (port) => `Redis 127.0.0.1:${port} refuses user "gateway": WRONGPASS`,
    begin: (redis) => redis.admin.call('ACL', 'DELUSER', 'gateway'),
    end: letIn,
  },
  {
    name: 'takes a permission from the user',
    reason: (port) => `Redis 127.0.0.1:${port} refuses user "gateway": NOPERM`,
    begin: (redis) => redis.admin.call('ACL', 'SETUSER', 'gateway', '-@scripting', '-spublish'),
    end: letIn,
  },
];

/** It is red for this reason and alive; when the fault is over it is green, with the same workers and clients. */
async function expectRedAndBack(product: Product, redis: RedisServer, fault: Fault): Promise<void> {
  const pids = await product.workerPids();
  await using client = await ChatClient.open(product.socketUrl(room));
  await fault.begin(redis);
  try {
    expect(await untilRed(product, fault.reason(redis.port))).toHaveLength(pids.size);
    expect(await isAlive(product)).toBe(true);
  } finally {
    await fault.end(redis);
  }

  await untilGreen(product);
  expect(await product.workerPids()).toEqual(pids);
  await using other = await ChatClient.open(product.socketUrl(room));
  other.send({ type: 'message', text: 'all is well' });
  expect((await client.nextOf('message')).text).toBe('all is well');
}

describe('a node on a Redis Cluster of which one primary', () => {
  let cluster: RedisCluster;
  let product: Product;

  beforeAll(async () => {
    cluster = await startRedisCluster({ nodeTimeoutMs: noFailoverMs });
    await Promise.all(cluster.nodes.map(({ server }) => letIn(server)));
    product = await startProduct({ redis: { cluster: cluster.seeds, ...quickly } });
  });
  afterAll(async () => {
    await product?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  it.each(faults)('$name is not ready, names that server, is alive, and comes back by itself', async (fault) => {
    await untilGreen(product);
    const { server } = await cluster.primaryOf(await cluster.slotOf(room));
    await expectRedAndBack(product, server, fault);
  });

  it('hangs is not ready, whether or not anybody is in a subscription of its slots', async () => {
    await untilGreen(product);
    const { server } = await cluster.otherPrimary(await cluster.slotOf(room));
    await expectRedAndBack(product, server, hang);
  });
});

describe('a node on a primary that sentinels watch', () => {
  it('is not ready and says why while the primary hangs and no sentinel acts', async () => {
    await using sentinels = await startRedisSentinels({ downAfterMs: noFailoverMs });
    await Promise.all(sentinels.servers.map(letIn));
    const primary = await sentinels.primary();
    const { name, addresses } = sentinels;
    await using product = await startProduct({ redis: { sentinels: { name, nodes: addresses }, ...quickly } });
    expect((await readinessOf(product)).status).toBe(200);
    await expectRedAndBack(product, primary, hang);
    expect(await sentinels.primary()).toBe(primary);
  });
});
