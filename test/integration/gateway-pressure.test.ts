import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnavailableError } from '../../src/broker/broker.ts';
import type { RedisBroker } from '../../src/broker/redis/redis-broker.ts';
import { Metrics } from '../../src/index.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { redisBrokers, type RedisBrokers } from '../support/redis-brokers.ts';
import { startGateway } from '../support/start-gateway.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { startTcpProxy, type StartedTcpProxy } from '../support/start-tcp-proxy.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const mebibyte = 1024 * 1024;
const room = 'room';
/** Much is sent, and the machine may have other work. */
const patiently = { deadlineMs: 45_000 };

let redis: RedisServer;
let proxy: StartedTcpProxy;
let brokers: RedisBrokers;
let broker: RedisBroker;
beforeEach(async () => {
  redis = await startRedis();
  proxy = await startTcpProxy(redis.port);
  // Slow is not gone: nothing is given up while the test holds the answers back.
  brokers = redisBrokers({ url: `redis://127.0.0.1:${proxy.port}`, commandTimeoutMs: 60_000, detectionMs: 60_000 });
  broker = await brokers.join();
});
afterEach(async () => {
  proxy.heal();
  await brokers[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** How an app may publish what a client says. */
type Publish = (gateway: Gateway, data: Buffer) => void | Promise<unknown>;

const cast = (gateway: Gateway, data: Buffer, failures: unknown[]): Promise<unknown> =>
  gateway.multicast(room, data, { kind: 'text' }).catch((error: unknown) => failures.push(error));

const failures: unknown[] = [];
const awaiting: Publish = (gateway, data) => cast(gateway, data, failures);
const forgetting: Publish = (gateway, data) => void cast(gateway, data, failures);
/** The handler is over before it publishes. */
const later: Publish = (gateway, data) => queueMicrotask(() => void cast(gateway, data, failures));

/** The most that a broker was asked to take and had not answered, in bytes. */
function watchUnanswered(): { most: number } & Disposable {
  const watch = {
    most: 0,
    [Symbol.dispose]: () => clearInterval(timer),
  };
  const timer = setInterval(() => (watch.most = Math.max(watch.most, broker.stats.unansweredBytes)), 1);
  return watch;
}

describe('while the broker is slow', () => {
  it.each([
    ['awaits what it publishes', awaiting],
    ['publishes and forgets', forgetting],
  ])('a client that floods an app that %s is slowed down, and nobody else notices', async (_what, publish) => {
    failures.length = 0;
    const metrics = new Metrics();
    await using started = await startGateway(
      {
        onMessage: (connection, data) => {
          if (data.toString() !== 'ping') return publish(started.gateway, data);
          started.gateway.send(connection, 'pong');
          return undefined;
        },
      },
      { broker, metrics },
    );
    await using listener = await TestClient.open(started.url);
    const [listening] = started.gateway.connections.values();
    if (listening !== undefined) await started.gateway.subscribe(listening, room);
    await using flooder = await TestClient.open(started.url);
    await using other = await TestClient.open(started.url);
    using unanswered = watchUnanswered();

    proxy.hold('to client');
    const count = 20_000;
    const sent = Array.from({ length: count }, (_, i) => `${i}`.padEnd(1_000, '.'));
    for (const text of sent) flooder.send(text);
    await until(() => broker.stats.unansweredBytes > 60_000, patiently);
    // Who publishes as well, and who only asks the app.
    other.send('ping');
    expect(await other.next()).toBe('pong');
    other.send('something else');
    other.send('ping');
    expect(await other.next()).toBe('pong');
    expect(flooder.webSocket.bufferedAmount).toBeGreaterThan(mebibyte);
    expect(unanswered.most).toBeLessThan(65 * 1_100);

    expect(metrics.counts).toMatchObject({ connectionsHeld: 1, multicastsUnsettled: 65 });

    proxy.heal();
    const heard = (await listener.take(count + 1)).map(String);
    // It did not have to wait for the end of the flood.
    expect(heard.indexOf('something else')).toBeLessThan(200);
    expect(heard.filter((text) => text !== 'something else')).toEqual(sent);
    expect(failures).toEqual([]);
    await until(() => metrics.counts.connectionsHeld === 0 && metrics.counts.multicastsUnsettled === 0);
  });

  it('many that flood at once are slowed down together, and each goes on', async () => {
    failures.length = 0;
    await using started = await startGateway(
      { onMessage: (_connection, data) => forgetting(started.gateway, data) },
      { broker },
    );
    const clients = await Promise.all(Array.from({ length: 60 }, () => TestClient.open(started.url)));
    using unanswered = watchUnanswered();
    proxy.hold('to client');
    const each = 300;
    for (const client of clients) for (let i = 0; i < each; i++) client.send('x'.repeat(2_000));
    await until(() => broker.stats.unansweredBytes > 2 * mebibyte, patiently);
    proxy.heal();
    await until(() => broker.stats.publishesAccepted === clients.length * each, patiently);
    // Behind: 1,024 publications, and one more of each connection.
    expect(unanswered.most).toBeLessThan((1_024 + clients.length) * 2_100);
    expect(failures).toEqual([]);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  });

  it('an app that publishes when nobody knows for whom is given nothing more, before the broker has to refuse', async () => {
    failures.length = 0;
    await using started = await startGateway(
      { onMessage: (_connection, data) => later(started.gateway, data) },
      { broker },
    );
    await using flooder = await TestClient.open(started.url);
    await using other = await TestClient.open(started.url);
    using unanswered = watchUnanswered();
    proxy.hold('to client');
    const count = 1_500;
    for (let i = 0; i < count; i++) flooder.send('x'.repeat(64 * 1024));
    await until(() => broker.stats.unansweredBytes > 15 * mebibyte, patiently);
    other.send('it waits');
    proxy.heal();
    await until(() => broker.stats.publishesAccepted === count + 1, patiently);
    expect(unanswered.most).toBeLessThan(24 * mebibyte);
    expect(failures).toEqual([]);
  });

  it('so is a program that pulls', async () => {
    failures.length = 0;
    await using started = await startGateway({ readEvents: false }, { broker }, async (connection, gateway) => {
      for (;;) {
        const message = await connection.receive();
        if (message === undefined) return;
        void cast(gateway, message.data, failures);
      }
    });
    await using flooder = await TestClient.open(started.url);
    using unanswered = watchUnanswered();
    proxy.hold('to client');
    const count = 1_500;
    for (let i = 0; i < count; i++) flooder.send('x'.repeat(64 * 1024));
    await until(() => broker.stats.unansweredBytes > 15 * mebibyte, patiently);
    proxy.heal();
    await until(() => broker.stats.publishesAccepted === count, patiently);
    expect(unanswered.most).toBeLessThan(24 * mebibyte);
    expect(failures).toEqual([]);
  });
});

describe('while the broker refuses', () => {
  it('nothing waits that could be refused: everybody hears of it, and reading goes on', async () => {
    failures.length = 0;
    await using started = await startGateway(
      { onMessage: (_connection, data) => forgetting(started.gateway, data) },
      { broker },
    );
    await using client = await TestClient.open(started.url);
    await redis.stop();
    await until(() =>
      started.gateway.multicast(room, 'x').then(
        () => false,
        () => true,
      ),
    );
    for (let i = 0; i < 1_000; i++) client.send(`${i}`);
    await until(() => failures.length === 1_000);
    expect(failures.every((error) => error instanceof BrokerUnavailableError)).toBe(true);
  });
});

describe('while publications wait for a Redis that is away', () => {
  it('so many of a client wait and no more, the rest with the client, and all are accepted when it is back', async () => {
    failures.length = 0;
    const publishQueue = { messages: 10_000, bytes: 16 * mebibyte, seconds: 60 };
    const queueing = await brokers.join({ publishQueue });
    // With history what Redis may have had already can be sent again.
    const subscriptions = [{ pattern: room, history: { size: 1_000, ttl: 60 } }];
    await using started = await startGateway(
      { onMessage: (_connection, data) => forgetting(started.gateway, data) },
      { broker: queueing, subscriptions },
    );
    await using client = await TestClient.open(started.url);
    await redis.stop();
    const count = 500;
    for (let i = 0; i < count; i++) client.send(`${i}`);
    await until(() => queueing.stats.queuedPublications === 64, patiently);
    client.send('one more');
    await redis.restart();
    await until(() => failures.length > 0 || queueing.stats.publishesAccepted === count + 1, patiently);
    expect(failures).toEqual([]);
  });
});
