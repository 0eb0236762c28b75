import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerClosedError, BrokerUnavailableError } from '../../src/broker/broker.ts';
import { RedisUnavailableError } from '../../src/broker/redis/redis-command-errors.ts';
import type { RedisOptions } from '../../src/broker/redis/redis-options.ts';
import { participant, settled, textPublication } from '../support/broker-cluster.ts';
import { failureOf } from '../support/failure-of.ts';
import { redisBrokers, type RedisBrokers } from '../support/redis-brokers.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const room = '/websocket/chat';
const mebibyte = 1024 * 1024;
const quick: Partial<RedisOptions> = { detectionMs: 1_000, connectTimeoutMs: 500, commandTimeoutMs: 500 };

let redis: RedisServer;
let brokers: RedisBrokers;
beforeEach(async () => {
  redis = await startRedis({ args: ['--appendonly', 'yes'] });
  brokers = redisBrokers({ url: redis.url, ...quick });
});
afterEach(async () => {
  await brokers[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

describe('publications that wait while Redis is away', () => {
  const publishQueue = { messages: 1_000, bytes: mebibyte, seconds: 30 };

  it('are accepted in their order when it is back, before those that come later', async () => {
    const broker = await brokers.join({ publishQueue });
    await broker.start({ deliver() {}, gap() {}, presence() {} });
    const history = { size: 1_000, ttl: 60 };
    await redis.stop();
    const sent = Array.from({ length: 200 }, (_, index) => `message ${index}`);
    const first = sent.slice(0, 150).map((text) => broker.publish(textPublication(room, text), { history }));
    await until(() => broker.stats.queuedPublications === 150, { what: 'they wait' });
    await redis.restart();
    const last = sent.slice(150).map((text) => broker.publish(textPublication(room, text), { history }));
    const positions = await Promise.all([...first, ...last]);

    expect(positions.map((position) => position?.offset)).toEqual(sent.map((_, index) => index + 1));
    const page = await broker.history.read(room, { limit: 1_000 });
    expect(page.publications.map(({ data }) => data.toString())).toEqual(sent);
    expect(broker.stats.queuedPublications).toBe(0);
  });

  it('are accepted once, although the answer to a first try was lost', async () => {
    const broker = await brokers.join({ publishQueue });
    await broker.start({ deliver() {}, gap() {}, presence() {} });
    const sent = Array.from({ length: 50 }, (_, index) => `message ${index}`);
    // It reads them and carries them out when it goes on; the connection will have been given up by then.
    redis.signal('SIGSTOP');
    const history = { size: 1_000, ttl: 60 };
    const published = sent.map((text) => broker.publish(textPublication(room, text), { history }));
    await until(() => broker.stats.queuedPublications === sent.length, { what: 'the answers were given up' });
    redis.signal('SIGCONT');
    await Promise.all(published);
    const page = await broker.history.read(room, { limit: 1_000 });
    expect(page.publications.map(({ data }) => data.toString())).toEqual(sent);
  });

  it('are rejected above the number that may wait', async () => {
    const broker = await brokers.join({ publishQueue: { messages: 10, bytes: mebibyte, seconds: 30 } });
    await broker.start({ deliver() {}, gap() {}, presence() {} });
    await redis.stop();
    const waiting = Array.from({ length: 10 }, () => broker.publish(textPublication(room, 'waits')));
    await until(() => broker.stats.queuedPublications === 10, { what: 'they wait' });
    const failure = await failureOf(broker.publish(textPublication(room, 'too many')), BrokerUnavailableError);
    expect(failure.message).toMatch(/does not fit into the queue: 10 wait already: /);
    expect(failure.outcome).toBe('refused');
    const closed = Promise.allSettled(waiting);
    await broker.close();
    for (const outcome of await closed) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(BrokerClosedError) as Error });
    }
  });

  it('are rejected above the bytes that may wait', async () => {
    const broker = await brokers.join({ publishQueue: { messages: 1_000, bytes: mebibyte, seconds: 30 } });
    await broker.start({ deliver() {}, gap() {}, presence() {} });
    await redis.stop();
    const large = { ...textPublication(room, ''), data: Buffer.alloc(400 * 1024) };
    const waiting = [broker.publish(large), broker.publish(large)];
    await until(() => broker.stats.queuedBytes === 800 * 1024, { what: 'they wait' });
    const failure = await failureOf(broker.publish(large), BrokerUnavailableError);
    expect(failure.message).toMatch(/does not fit into the queue: 819200 of 1048576 bytes wait already: /);
    expect(failure.outcome).toBe('refused');
    const small = broker.publish(textPublication(room, 'fits'));
    await until(() => broker.stats.queuedPublications === 3);
    await redis.restart();
    await Promise.all([...waiting, small]);
    expect(broker.stats).toMatchObject({ queuedBytes: 0, queuedPublications: 0 });
  });

  it.each([
    ['with history', { history: { size: 10, ttl: 60 } }],
    ['with an id', { id: 'one' }],
    ['with neither', {}],
  ])('do not wait in vain: one to a forbidden channel (%s) is rejected at once', async (_how, options) => {
    await redis.admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&carillon:*', '&bells', '+@all');
    const user = { username: 'app', password: 'secret', keyPrefix: 'carillon:', channelPrefix: '' };
    const broker = await brokers.join({ publishQueue, ...user });
    await broker.start({ deliver() {}, gap() {}, presence() {} });
    const failure = await failureOf(broker.publish(textPublication(room, 'x'), options), RedisUnavailableError);
    expect(failure).toMatchObject({ trouble: 'refused-user', outcome: 'refused' });
    expect(failure.message).toMatch(/refuses user "app": .*channel/);
    await broker.publish(textPublication('bells', 'x'), options);
  });

  it('do not wait in vain: one whose key is of another kind is rejected at once', async () => {
    const broker = await brokers.join({ publishQueue, keyPrefix: 'kind:' });
    await broker.start({ deliver() {}, gap() {}, presence() {} });
    const history = { size: 10, ttl: 60 };
    await broker.publish(textPublication(room, 'x'), { history });
    const [meta = ''] = await redis.admin.keys('kind:*:meta:*');
    await redis.admin.set(meta, 'text');
    const failure = await failureOf(broker.publish(textPublication(room, 'x'), { history }), RedisUnavailableError);
    expect(failure.message).toMatch(/answered: (ERR|WRONGTYPE) /);
    expect(broker.stats.queuedPublications).toBe(0);
  });

  it('take no key where there is no history, and are not sent twice', async () => {
    const broker = await brokers.join({ publishQueue, keyPrefix: 'ids:' });
    await broker.start({ deliver() {}, gap() {}, presence() {} });
    await broker.publish(textPublication(room, 'x'));
    expect(await redis.admin.keys('ids:*:id:*')).toEqual([]);
    // It may have been accepted, and has nothing by which Redis would know it again.
    redis.signal('SIGSTOP');
    const failure = await failureOf(broker.publish(textPublication(room, 'perhaps')), BrokerUnavailableError);
    expect(failure.outcome).toBe('unknown');
    redis.signal('SIGCONT');
  });

  it('are rejected when they have waited so long', async () => {
    const broker = await brokers.join({ publishQueue: { messages: 10, bytes: mebibyte, seconds: 0.2 } });
    await broker.start({ deliver() {}, gap() {}, presence() {} });
    await redis.stop();
    const failure = await failureOf(broker.publish(textPublication(room, 'waits')), BrokerUnavailableError);
    expect(failure.message).toMatch(/has waited 0.2 s: .*Redis/);
    expect(broker.stats.queuedPublications).toBe(0);
    expect(Object.values(broker.stats.publishesRejected)).toEqual([1]);
  });
});

describe('without a queue', () => {
  it('what is published while Redis is away is rejected, and what comes when it is back is accepted', async () => {
    const one = await participant(brokers);
    await one.broker.subscribe([room]);
    await redis.stop();
    const rejected = await Promise.all(
      Array.from({ length: 20 }, () =>
        failureOf(one.broker.publish(textPublication(room, 'lost')), BrokerUnavailableError),
      ),
    );
    expect(rejected).toHaveLength(20);
    await redis.restart();
    await until(async () => (await one.broker.probe?.roundTrip(300).catch(() => undefined)) !== undefined);
    await settled([one]);
    await one.broker.publish(textPublication(room, 'back'));
    await settled([one]);
    expect(one.sink.texts(room)).toEqual(['back']);
  });
});
