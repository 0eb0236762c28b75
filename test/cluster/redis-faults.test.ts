import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectEverybodyTold,
  expectNothingLost,
  expectToldOfLosses,
  faultConfig,
  faultInBothRooms,
  quickly,
} from '../support/fault-rooms.ts';
import { measureFault } from '../support/measure-fault.ts';
import { startAll, stopAll } from '../support/start-all.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { startTcpProxy, type StartedTcpProxy } from '../support/start-tcp-proxy.ts';
import { until } from '../support/until.ts';

const faults = ['restart', 'stop', 'hole-to-server', 'hole-to-client', 'delay', 'empty'];
/** How long Redis is paused, as an overloaded machine or a stuck disk would. */
const pauseMs = 20_000;
const delayMs = 60;

/** Two nodes on one Redis; the second one reaches it through a network that can fail. */
describe('under constant publishing through two nodes', () => {
  let redis: RedisServer;
  let proxy: StartedTcpProxy;
  let products: readonly Product[];

  beforeAll(async () => {
    redis = await startRedis({ args: ['--appendonly', 'yes'] });
    proxy = await startTcpProxy(redis.port);
    products = await startAll([
      startProduct(faultConfig({ url: redis.url, ...quickly }, faults, { node: 'near' })),
      startProduct(faultConfig({ url: `redis://127.0.0.1:${proxy.port}`, ...quickly }, faults, { node: 'far' })),
    ]);
  });
  afterAll(() => stopAll([redis, proxy, ...(products ?? [])]));

  const far = (): Product => products[1] ?? expect.fail('there are two nodes');

  it('a Redis that is restarted loses nothing that has a history, and whoever may have lost something else is told', async () => {
    const { kept, loose } = await faultInBothRooms('restart', products, async () => {
      await redis.stop('SIGTERM');
      await Promise.all(products.map(notReady));
      await redis.restart();
    });
    expectNothingLost(kept);
    expectToldOfLosses(loose);
    expectEverybodyTold(loose);
  });

  it('nor does one that hangs for 20 s', async () => {
    const { kept, loose } = await faultInBothRooms('stop', products, async () => {
      const begin = Date.now();
      redis.signal('SIGSTOP');
      await Promise.all(products.map(notReady));
      console.info(`stop: both nodes were not ready after ${Date.now() - begin} ms`);
      await until(() => Date.now() - begin > pauseMs, { deadlineMs: 2 * pauseMs, everyMs: 100 });
      redis.signal('SIGCONT');
    });
    expectNothingLost(kept);
    expectToldOfLosses(loose);
    expectEverybodyTold(loose);
  });

  it.each([
    { fault: 'hole-to-server', direction: 'to server' },
    { fault: 'hole-to-client', direction: 'to client' },
  ] as const)('nor does a network that swallows everything on its way $direction', async ({ fault, direction }) => {
    const { kept, loose } = await faultInBothRooms(fault, products, async () => {
      const before = proxy.accepted;
      proxy.hold(direction);
      await notReady(far());
      await nobodySubscribed(far());
      await until(() => proxy.accepted > before, { what: 'a connection that carries nothing is replaced' });
      proxy.heal();
    });
    expectNothingLost(kept);
    expectToldOfLosses(loose);
    expectEverybodyTold(loose, 'far');
    // Who is on the other node, and stayed there, has had everything: nothing was lost, so nothing is told.
    expect(loose.verdicts.filter(({ told }, i) => loose.nodes[i] === 'near' && told.length > 0)).toEqual([]);
  });

  it('nor does a network that delays half of what it carries', async () => {
    const { kept, loose } = await faultInBothRooms('delay', products, async ({ subscribers }) => {
      proxy.delayHalf({ delayMs, seed: 7 });
      const before = subscribers.map(({ track }) => track.entries.length);
      await until(() => subscribers.every(({ track }, i) => track.entries.length > (before[i] ?? 0) + 200), {
        deadlineMs: 30_000,
        what: 'everybody hears more through the slow network',
      });
      proxy.heal();
    });
    expectNothingLost(kept);
    expectToldOfLosses(loose);
    // It is slow and not broken: nothing was replaced because of it.
    expect(loose.verdicts.slice(0, -1).flatMap(({ told }) => told)).toEqual([]);
  });

  it('a Redis that comes back empty is told of, and from there on nothing is lost', async () => {
    const rooms = [
      { url: '/kept-empty', keeps: false },
      { url: '/loose-empty', keeps: false },
    ];
    const [kept, loose] = await measureFault('empty', products, rooms, async () => {
      await redis.stop('SIGKILL');
      await Promise.all(products.map(notReady));
      await redis.restart({ empty: true });
    });
    for (const report of [kept, loose]) {
      if (report === undefined) throw new Error('two rooms were measured');
      expectToldOfLosses(report);
      expectEverybodyTold(report);
    }
    // It came back to a worker that knew of the loss, or to one that learnt of it with its client there.
    expect([['not recovered: epoch'], ['gap']]).toContainEqual(kept?.verdicts.at(-1)?.told);
  });
});

/**
 * Each worker finds out for itself. That it is not ready can come first: a fault that ends then has lost nothing, and
 * nobody is told.
 */
async function nobodySubscribed(product: Product): Promise<void> {
  await until(
    async () => {
      const [all, missing] = await Promise.all([
        product.metric('carillon_redis_subscriptions'),
        product.metric('carillon_redis_missing_subscriptions'),
      ]);
      return all > 0 && missing === all;
    },
    { everyMs: 50, what: 'every worker of the node has given up its subscriber connection' },
  );
}

async function notReady(product: Product): Promise<void> {
  await until(async () => (await product.readiness()).reasons.length > 0, { what: 'the node is not ready' });
}
