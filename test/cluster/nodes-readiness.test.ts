import { describe, expect, it } from 'vitest';
import { ChatClient } from '../support/chat-client.ts';
import { isAlive, untilGreen, untilRed } from '../support/node-readiness.ts';
import { startNodes, type Nodes } from '../support/start-nodes.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';

interface Fault {
  readonly name: string;
  /** What the operator reads, for each worker. */
  readonly reason: (redis: RedisServer) => string | RegExp;
  begin(redis: RedisServer): Promise<unknown>;
  end(redis: RedisServer): Promise<unknown>;
}

const password = 'to the nodes';
const letIn = (redis: RedisServer): Promise<unknown> =>
  redis.admin.call('ACL', 'SETUSER', 'gateway', 'on', `>${password}`, '~*', '&*', '+@all');

const faults: readonly Fault[] = [
  {
    name: 'cannot be reached',
    reason: ({ port }) => `Redis 127.0.0.1:${port} is unreachable: connect ECONNREFUSED 127.0.0.1:${port}`,
    begin: (redis) => redis.stop(),
    end: async (redis) => {
      await redis.restart();
      await letIn(redis);
    },
  },
  {
    name: 'hangs',
    reason: ({ port }) => new RegExp(`Redis 127.0.0.1:${port} does not answer|did not come back within 250 ms`),
    begin: async (redis) => redis.signal('SIGSTOP'),
    end: async (redis) => redis.signal('SIGCONT'),
  },
  {
    name: 'is demoted',
    // As it is seen, and as a connection made afterwards is told.
    reason: ({ port }) => new RegExp(`Redis 127.0.0.1:${port} is read-only: it (has been demoted to|is) a replica`),
    // Of a primary that is not there: port 1 is nobody's.
    begin: (redis) => redis.admin.replicaof('127.0.0.1', 1),
    end: (redis) => redis.admin.replicaof('NO', 'ONE'),
  },
  {
    name: 'is out of memory',
    reason: ({ port }) => `Redis 127.0.0.1:${port} is out of memory (maxmemory)`,
    begin: (redis) => redis.admin.config('SET', 'maxmemory', '1'),
    end: (redis) => redis.admin.config('SET', 'maxmemory', '0'),
  },
  {
    name: 'refuses the user',
    reason: ({ port }) => `Redis 127.0.0.1:${port} refuses user "gateway": `,
    begin: (redis) => redis.admin.call('ACL', 'DELUSER', 'gateway'),
    end: letIn,
  },
  {
    name: 'takes a permission from the user',
    reason: ({ port }) => `Redis 127.0.0.1:${port} refuses user "gateway": `,
    begin: (redis) => redis.admin.call('ACL', 'SETUSER', 'gateway', '-@scripting', '-publish'),
    end: letIn,
  },
];

/** @param more of the section `redis` */
function nodeOn(redis: RedisServer, workers: number, more: Readonly<Record<string, unknown>> = {}): Promise<Nodes> {
  return startNodes(redis, { nodes: 1, config: { workers }, redis: { username: 'gateway', password, ...more } });
}

/** It is red for this reason and alive; when the fault is over it is green, with the same workers and clients. */
async function expectRedAndBack(
  redis: RedisServer,
  nodes: Nodes,
  { begin, end, reason }: Pick<Fault, 'begin' | 'end' | 'reason'>,
): Promise<void> {
  const product = nodes.node(1);
  const pids = await product.workerPids();
  await using client = await ChatClient.open(product.socketUrl('/chat'));

  await begin(redis);
  // Without workers the only process is listed as one.
  expect(await untilRed(product, reason(redis))).toHaveLength(pids.size);
  expect(await isAlive(product)).toBe(true);

  await end(redis);
  await untilGreen(product);
  // Nobody was restarted, and the client that was there is still there and gets what it sends to all.
  expect(await product.workerPids()).toEqual(pids);
  await using other = await ChatClient.open(product.socketUrl('/chat'));
  other.send({ type: 'message', text: 'all is well' });
  expect((await client.nextOf('message')).text).toBe('all is well');
}

describe.each(faults)('a node whose Redis $name', (fault) => {
  it.each([0, 2])('is not ready and says why, is alive, and comes back by itself: %i workers', async (workers) => {
    await using redis = await startRedis();
    await letIn(redis);
    await using nodes = await nodeOn(redis, workers, { detectionMs: 500 });
    await expectRedAndBack(redis, nodes, fault);
  });
});

describe('a node with the times that are the default', () => {
  it('is not ready while Redis hangs, says why, is alive, and comes back by itself', async () => {
    await using redis = await startRedis();
    await letIn(redis);
    await using nodes = await nodeOn(redis, 2);
    await expectRedAndBack(redis, nodes, {
      reason: ({ port }) => `Redis 127.0.0.1:${port} does not answer`,
      begin: async () => redis.signal('SIGSTOP'),
      end: async () => redis.signal('SIGCONT'),
    });
  });
});
