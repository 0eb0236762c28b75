import { afterEach, expect, it } from 'vitest';
import { ChatPublisher } from '../support/chat-publisher.ts';
import { reportFigures } from '../support/report-figures.ts';
import { mistakesOf, Returner } from '../support/returning-crowd.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { startRedis } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

/** STORM_CLIENTS=5000 is what is promised; the suite makes do with fewer. */
const storm = Number(process.env['STORM_CLIENTS'] ?? 1_500);
const established = 100;
const patiently = { deadlineMs: 120_000 };

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
}, 120_000);

async function start(node: string, redis: string): Promise<Product> {
  const product = await startProduct({
    node,
    workers: 1,
    redis: { url: redis },
    // What it is without a word about it.
    accept: {},
    apps: { chat: { urls: ['/established', '/crowd'] } },
    subscriptions: [{ pattern: '/*', history: { size: 10_000, ttl: 600 }, presence: false }],
  });
  stops.push(async () => await product[Symbol.asyncDispose]());
  return product;
}

it('when a node is killed its clients are taken by the other at its own pace, and those who were there miss nothing', async () => {
  const redis = await startRedis();
  stops.push(async () => await redis[Symbol.asyncDispose]());
  const [doomed, survivor] = [await start('node-1', redis.url), await start('node-2', redis.url)];
  // Whoever came to the one comes back to the other, as behind a load balancer.
  let present = doomed;

  const crowd: Returner[] = [];
  const there: Returner[] = [];
  stops.push(() => Promise.all([...crowd, ...there].map((member) => member.leave())));
  for (let i = 0; i < established; i++) there.push(new Returner(() => survivor.socketUrl('/established/connect')));
  await until(() => there.every(({ isIn }) => isIn), patiently);
  while (crowd.length < storm) {
    for (let i = 0; i < 100; i++) crowd.push(new Returner(() => present.socketUrl('/crowd/connect')));
    await until(() => crowd.every(({ isIn }) => isIn), patiently);
  }
  const publisher = new ChatPublisher({
    name: 'publisher',
    urls: () => [survivor.socketUrl('/established/connect')],
    everyMs: 50,
    retries: true,
  });
  stops.push(async () => await publisher[Symbol.asyncDispose]());
  await until(() => there.every(({ heard }) => heard.length > 0), patiently);

  let longestStallSeconds = 0;
  const watching = setInterval(() => {
    const worst = survivor.metric('carillon_event_loop_delay_seconds{quantile="1"}');
    worst.then(
      (seconds) => (longestStallSeconds = Math.max(longestStallSeconds, seconds)),
      () => {},
    );
  }, 500);
  present = survivor;
  doomed.signal('SIGKILL');
  await until(() => crowd.every(({ isIn, returns }) => isIn && returns.length > 0), patiently);
  clearInterval(watching);
  await publisher.stop();
  const last = Math.max(...publisher.sent.map(({ position }) => position?.offset ?? 0));
  await until(() => there.every(({ offset }) => offset >= last), patiently).catch(() => {}); // What is missing is told below.

  const returns = crowd.flatMap((member) => member.returns);
  const refused = await survivor.metric('carillon_handshakes_refused_total{reason="rate"}');
  const waits = returns.map(({ closedAt, backAt }) => backAt - closedAt).sort((a, b) => a - b);
  await reportFigures({
    clients: storm,
    refusedByRate: refused,
    waitsMs: {
      median: waits[Math.floor(waits.length / 2)],
      p99: waits[Math.floor(waits.length * 0.99)],
      most: waits.at(-1),
    },
    longestStallSeconds,
    published: publisher.sent.length,
    receivedByThoseWhoWereThere: there.reduce((sum, { heard }) => sum + heard.length, 0),
  });
  expect(refused).toBeGreaterThan(0);
  expect(returns.flatMap(({ refusals }) => refusals).filter((refusal) => !refusal.includes('503'))).toEqual([]);
  expect(there.flatMap((member) => member.returns)).toEqual([]);
  expect(there.flatMap((member) => mistakesOf(member, last))).toEqual([]);
  expect(publisher.sent.filter(({ outcome }) => outcome !== 'accepted')).toEqual([]);
}, 400_000);
