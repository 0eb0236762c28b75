import { afterEach, expect, it } from 'vitest';
import { ChatPublisher } from '../support/chat-publisher.ts';
import { reportFigures } from '../support/report-figures.ts';
import { histogram, mistakesOf, Returner } from '../support/returning-crowd.ts';
import { startHaproxy } from '../support/start-balancer.ts';
import { startProduct, type Product, type ProductConfig } from '../support/start-product.ts';
import { startRedis } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

/** RESTART_CLIENTS=2000 is what is promised; the suite makes do with fewer. */
const clients = Number(process.env['RESTART_CLIENTS'] ?? 400);
const clientsPerRoom = 10;
const rooms = clients / clientsPerRoom;
const publishEveryMs = 500;
const drain = { delay: 2, period: 10 };
const parts = clients < 2_000 ? 4 : 10;
const patiently = { deadlineMs: 90_000 };

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
}, 120_000);

/** On the ports of the one before, as a machine's service is. */
async function start(node: string, redis: string, before?: Product): Promise<Product> {
  const port = before === undefined ? 0 : Number(new URL(before.url('/')).port);
  const operations = before === undefined ? 0 : Number(new URL(before.operationsUrl('/')).port);
  const config: ProductConfig = {
    node,
    port,
    operations: { port: operations },
    workers: 1,
    drain,
    redis: { url: redis },
    apps: { chat: { urls: Array.from({ length: rooms }, (_, room) => `/room/${room}`) } },
    subscriptions: [{ pattern: '/room/*', history: { size: 10_000, ttl: 600 } }],
  };
  const product = await startProduct(config);
  stops.push(async () => await product[Symbol.asyncDispose]());
  return product;
}

it('two nodes behind a load balancer are restarted one after the other, and their clients miss nothing', async () => {
  const redis = await startRedis();
  stops.push(async () => await redis[Symbol.asyncDispose]());
  const nodes: [Product, Product] = [await start('node-1', redis.url), await start('node-2', redis.url)];
  const balancer = await startHaproxy(nodes, { clients: 5_000 });
  stops.push(async () => await balancer[Symbol.asyncDispose]());

  const url = (room: number): string => balancer.socketUrl(`/room/${room}/connect`);
  const crowd: Returner[] = [];
  stops.push(() => Promise.all(crowd.map((member) => member.leave())));
  for (let each = 0; each < clientsPerRoom; each++) {
    for (let room = 0; room < rooms; room++) crowd.push(new Returner(() => url(room)));
    await until(() => crowd.every(({ isIn }) => isIn), patiently);
  }
  const publishers = Array.from(
    { length: rooms },
    (_, room) =>
      new ChatPublisher({
        name: `publisher-${room}`,
        urls: () => [url(room)],
        everyMs: publishEveryMs,
        retries: true,
      }),
  );
  stops.push(() => Promise.all(publishers.map((publisher) => publisher[Symbol.asyncDispose]())));

  const drains: { readonly node: string; readonly closedAt: readonly number[] }[] = [];
  for (const [index, node] of nodes.entries()) {
    const closedBefore = crowd.flatMap(({ returns }) => returns).length;
    // HAProxy gives a node that has just come back its share little by little.
    await until(
      async () => (await node.metric('carillon_connections')) > (index === 0 ? 0.25 : 0.45) * clients,
      patiently,
    );
    expect(await node.stop()).toEqual({ code: 0, signal: null });
    nodes[index] = await start(`node-${index + 1}`, redis.url, node);
    await until(() => crowd.every(({ isIn }) => isIn), patiently);
    const closedAt = crowd.flatMap(({ returns }) => returns.map(({ closedAt: at }) => at));
    drains.push({ node: `node-${index + 1}`, closedAt: closedAt.sort((a, b) => a - b).slice(closedBefore) });
  }

  await Promise.all(publishers.map((publisher) => publisher.stop()));
  const published = publishers.map(({ sent }) => sent.length);
  const last = publishers.map(({ sent }) => Math.max(...sent.map(({ position }) => position?.offset ?? 0)));
  const roomOf = (index: number): number => index % rooms;
  await until(
    () => crowd.every((member, index) => member.isIn && member.offset >= (last[roomOf(index)] ?? 0)),
    patiently,
  ).catch(() => {}); // What is missing is told below.

  const mistakes = crowd.flatMap((member, index) => mistakesOf(member, last[roomOf(index)] ?? 0));
  const returns = crowd.flatMap((member) => member.returns);
  const waits = returns.map(({ closedAt, backAt }) => backAt - closedAt).sort((a, b) => a - b);
  await reportFigures({
    clients: crowd.length,
    published: published.reduce((sum, count) => sum + count, 0),
    received: crowd.reduce((sum, { heard }) => sum + heard.length, 0),
    mistakes: mistakes.length,
    returns: returns.length,
    refusals: returns.flatMap(({ refusals }) => refusals).length,
    hintsMs: { most: Math.max(...returns.map(({ hintMs }) => hintMs ?? 0)) },
    waitsMs: {
      median: waits[Math.floor(waits.length / 2)],
      p99: waits[Math.floor(waits.length * 0.99)],
      most: waits.at(-1),
    },
    closes: drains.map(({ node, closedAt }) => ({
      node,
      seconds: spanOf(closedAt),
      parts: histogram(closedAt, parts),
    })),
  });

  expect(mistakes).toEqual([]);
  expect(publishers.flatMap(({ sent }) => sent).filter(({ outcome }) => outcome !== 'accepted')).toEqual([]);
  // Everybody was told when to come back, came back then, and was let in and given everything at the first attempt.
  expect(returns.length).toBeGreaterThan(0.7 * clients);
  expect(returns.filter(({ end }) => end.code !== 1012)).toEqual([]);
  expect(returns.filter(({ hintMs }) => hintMs === undefined)).toEqual([]);
  expect(returns.filter(({ recovered }) => recovered !== true)).toEqual([]);
  // A machine with much other work may be too slow to answer; nobody may be refused.
  const refusals = returns.flatMap((each) => each.refusals);
  expect(refusals.filter((refusal) => !refusal.includes('did not answer'))).toEqual([]);
  for (const { closedAt } of drains) {
    const even = closedAt.length / parts;
    for (const count of histogram(closedAt, parts)) {
      expect(count).toBeGreaterThan(even / 2);
      expect(count).toBeLessThan(even * 2);
    }
  }
}, 300_000);

function spanOf(times: readonly number[]): number {
  return (Math.max(...times) - Math.min(...times)) / 1_000;
}
