/**
 * A worker of its own: a program that embeds Carillon and puts each connection in as many subscriptions as its query
 * asks for, `?from=<number>&count=<number>`, named `bell-<number>`. Its parent gives the options of Redis and the rules of
 * subscriptions as JSON in the first argument, is told the port, and gets figures whenever it sends a message.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { RedisBroker } from '../../dist/broker/redis/redis-broker.js';
import { defaultRedisOptions } from '../../dist/broker/redis/redis-options.js';
import { createGateway } from '../../dist/index.js';

const threadTimes = '/proc/self/schedstat';
const subscribedAtOnce = 500;
/** How often the turn of the event loop is looked at, in milliseconds. */
const tickMs = 5;

const { redis, subscriptions } = JSON.parse(process.argv[2] ?? '{}');
const broker = new RedisBroker({ ...defaultRedisOptions, ...redis });
const gateway = await createGateway({ broker, subscriptions, limits: { subscriptions: 0 } });

const encoding = {
  name: 'names',
  publication: ({ subscription, data }) => ({ data: `${subscription} ${data}`, kind: 'text' }),
  gap: (subscription) => ({ data: `${subscription} gap`, kind: 'text' }),
};

const server = createServer();
server.on('upgrade', (request, _socket, head) => {
  const connection = gateway.handshake(request, { encoding: () => encoding }, { head });
  const query = new URL(request.url, 'http://localhost').searchParams;
  void subscribe(connection, Number(query.get('from')), Number(query.get('count')));
});

function workedMs() {
  return Number(readFileSync(threadTimes, 'utf8').split(' ', 1)[0]) / 1e6;
}

async function subscribe(connection, from, count) {
  for (let i = from; i < from + count; i += subscribedAtOnce) {
    const names = Array.from({ length: Math.min(subscribedAtOnce, from + count - i) }, (_, j) => `bell-${i + j}`);
    await Promise.all(names.map((name) => subscribeAtLast(connection, name)));
  }
  gateway.send(connection, 'ready');
}

/** Redis may be too busy for a moment with so many at once. */
async function subscribeAtLast(connection, name) {
  for (;;) {
    try {
      return await gateway.subscribe(connection, name);
    } catch (error) {
      if (error.code !== 'BROKER_UNAVAILABLE') throw error;
    }
  }
}

/**
 * The longest turn of the event loop in milliseconds of its thread's own time: while other processes have the machine
 * a turn takes longer and does no more. The kernel counts nanoseconds on the processor, waiting for it, and turns.
 */
let longestTurnMs = 0;
let last = workedMs();
setInterval(() => {
  const now = workedMs();
  longestTurnMs = Math.max(longestTurnMs, now - last);
  last = now;
}, tickMs).unref();
const delay = monitorEventLoopDelay({ resolution: tickMs });
delay.enable();

process.on('message', (message) => {
  if (message === 'reset') {
    longestTurnMs = 0;
    delay.reset();
  }
  process.send?.({ longestTurnMs, longestDelayMs: delay.max / 1e6, residentBytes: process.memoryUsage.rss() });
});
process.on('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port }));
