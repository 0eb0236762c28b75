import { describe, it } from 'vitest';
import {
  expectEverybodyTold,
  expectNothingLost,
  expectToldOfLosses,
  faultConfig,
  faultInBothRooms,
  quickly,
} from '../support/fault-rooms.ts';
import { startAll, stopAll } from '../support/start-all.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { startRedisCluster } from '../support/start-redis-cluster.ts';
import { startRedisSentinels } from '../support/start-redis-sentinels.ts';
import { until } from '../support/until.ts';

/** Two nodes that know this Redis; Sentinel's with the times that hold unless others are set. */
async function startPair(
  redis: Readonly<Record<string, unknown>>,
  faults: readonly string[],
): Promise<AsyncDisposable & { products: Product[] }> {
  const names = ['node-1', 'node-2'];
  const products = await startAll(names.map((node) => startProduct(faultConfig(redis, faults, { node }))));
  return { products, [Symbol.asyncDispose]: () => stopAll(products) };
}

describe('under constant publishing through two nodes', () => {
  it('a failover by Sentinel loses nothing that has a history', async () => {
    await using sentinels = await startRedisSentinels();
    const { name, addresses: nodes } = sentinels;
    await using pair = await startPair({ sentinels: { name, nodes } }, ['sentinel']);
    const { kept, loose } = await faultInBothRooms('sentinel', pair.products, () => sentinels.failover('kill'));
    expectNothingLost(kept);
    expectToldOfLosses(loose);
    expectEverybodyTold(loose);
  });

  it('nor does a slot that moves, nor the death of a primary of a Redis Cluster', async () => {
    await using cluster = await startRedisCluster();
    await using pair = await startPair({ cluster: cluster.seeds, ...quickly }, ['slot', 'primary']);
    const moved = await faultInBothRooms('slot', pair.products, async () => {
      for (const room of ['/kept-slot', '/loose-slot']) {
        const slot = await cluster.slotOf(room);
        await cluster.migrateSlot(slot, await cluster.otherPrimary(slot));
      }
    });
    expectNothingLost(moved.kept);
    expectToldOfLosses(moved.loose);
    expectEverybodyTold(moved.loose);

    // Both rooms live where the fault will be.
    const [keptSlot, looseSlot] = [await cluster.slotOf('/kept-primary'), await cluster.slotOf('/loose-primary')];
    const victim = await cluster.primaryOf(keptSlot);
    if ((await cluster.primaryOf(looseSlot)) !== victim) await cluster.migrateSlot(looseSlot, victim);
    const killed = await faultInBothRooms('primary', pair.products, async () => {
      await victim.server.stop('SIGKILL');
      await until(async () => (await cluster.primaryOf(keptSlot)) !== victim, { deadlineMs: 30_000 });
      await cluster.settled();
    });
    expectNothingLost(killed.kept);
    expectToldOfLosses(killed.loose);
    expectEverybodyTold(killed.loose);
  });
});
