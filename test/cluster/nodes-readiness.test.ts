import { describe, expect, it } from 'vitest';
import type { Readiness } from '../../src/server/readiness.ts';
import { ChatClient } from '../support/chat-client.ts';
import { startNodes, type Nodes } from '../support/start-nodes.ts';
import type { Product } from '../support/start-product.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

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

async function answerOf(product: Product): Promise<{ status: number; body: Readiness }> {
  const response = await fetch(product.operationsUrl('/ready'));
  return { status: response.status, body: (await response.json()) as Readiness };
}

/** Waits until the node is not ready for reasons of the broker on every worker. */
async function redReasons(product: Product): Promise<readonly string[]> {
  const { body } = await until(
    async () => {
      const answer = await answerOf(product);
      const isBroker = answer.body.reasons.every((reason) => reason.includes('gets no publication'));
      return answer.status === 503 && isBroker && answer;
    },
    { deadlineMs: 20_000 },
  );
  return body.reasons;
}

function says(told: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? told.includes(expected) : expected.test(told);
}

function nodeOn(redis: RedisServer, workers: number): Promise<Nodes> {
  return startNodes(redis, {
    nodes: 1,
    config: { workers },
    redis: { username: 'gateway', password, detectionMs: 500 },
  });
}

describe.each(faults)('a node whose Redis $name', ({ reason, begin, end }) => {
  it.each([0, 2])('is not ready and says why, is alive, and comes back by itself: %i workers', async (workers) => {
    await using redis = await startRedis();
    await letIn(redis);
    await using nodes = await nodeOn(redis, workers);
    const product = nodes.node(1);
    const pids = await product.workerPids();
    await using client = await ChatClient.open(product.socketUrl('/chat'));

    await begin(redis);
    const expected = reason(redis);
    // Before it settles, a connection that breaks may be told of.
    let reasons: readonly string[] = [];
    await until(
      async () => {
        reasons = await redReasons(product);
        return reasons.every((told) => says(told, expected));
      },
      { deadlineMs: 20_000 },
    ).catch(() => {});
    for (const told of reasons) expect(told).toSatisfy((text: string) => says(text, expected), String(expected));
    expect(reasons).toHaveLength(Math.max(1, workers));
    const live = await fetch(product.operationsUrl('/live'));
    expect(live.status).toBe(200);

    await end(redis);
    await until(async () => (await answerOf(product)).body.reasons.length === 0, { deadlineMs: 20_000 });
    expect((await answerOf(product)).status).toBe(200);
    // Nobody was restarted, and the client that was there is still there and gets what it sends to all.
    expect(await product.workerPids()).toEqual(pids);
    await using other = await ChatClient.open(product.socketUrl('/chat'));
    other.send({ type: 'message', text: 'all is well' });
    expect((await client.nextOf('message')).text).toBe('all is well');
  });
});
