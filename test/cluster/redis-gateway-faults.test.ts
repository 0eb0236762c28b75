import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectNothingLost,
  expectToldOfLosses,
  faultConfig,
  faultInBothRooms,
  quickly,
} from '../support/fault-rooms.ts';
import { startNodes, type Nodes } from '../support/start-nodes.ts';
import type { Product } from '../support/start-product.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const faults = ['killed', 'paused', 'stopped'];
/** How long all processes of a node stand still, as a machine that is being moved does. */
const pauseMs = 10_000;

describe('under constant publishing through two nodes', () => {
  let redis: RedisServer;
  let nodes: Nodes;

  beforeAll(async () => {
    redis = await startRedis();
    nodes = await startNodes(redis, { config: faultConfig({ url: redis.url, ...quickly }, faults) });
  });
  afterAll(async () => {
    await nodes?.[Symbol.asyncDispose]();
    await redis?.[Symbol.asyncDispose]();
  });

  it('a worker that is killed takes nothing along', async () => {
    const { kept, loose } = await faultInBothRooms('killed', nodes.products, async ({ subscribers }) => {
      const subscriber =
        subscribers.find(({ place }) => place?.node === 'node-1') ?? expect.fail('nobody is on node-1');
      const pid =
        (await nodes.node(1).workerPids()).get(subscriber.place?.worker ?? 0) ?? expect.fail('no such worker');
      const { welcomes } = subscriber;
      process.kill(pid, 'SIGKILL');
      await until(() => subscriber.welcomes > welcomes);
    });
    expectNothingLost(kept);
    expectToldOfLosses(loose);
  });

  it('a node that stands still for 10 s goes on where it was', async () => {
    const { kept, loose } = await faultInBothRooms('paused', nodes.products, async () => {
      const pids = await everyPid(nodes.node(1));
      const end = Date.now() + pauseMs;
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
      await until(() => Date.now() > end, { deadlineMs: 2 * pauseMs, everyMs: 100 });
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    });
    expectNothingLost(kept);
    expectToldOfLosses(loose);
  });

  it('a node that stops in order leaves its clients to the other one', async () => {
    const { kept, loose } = await faultInBothRooms('stopped', nodes.products, async ({ subscribers }) => {
      expect((await nodes.node(1).stop()).code).toBe(0);
      await until(() => subscribers.every(({ place }) => place?.node === 'node-2'));
    });
    expectNothingLost(kept);
    expectToldOfLosses(loose);
  });
});

/** The primary first: it is not to take its workers for hung. */
async function everyPid(product: Product): Promise<number[]> {
  return [product.pid, ...(await product.workerPids()).values()];
}
