import { describe, expect, it } from 'vitest';
import { BrokerUnavailableError, type Position } from '../../src/broker/broker.ts';
import type { Connection } from '../../src/gateway/connection.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { ArgumentError, CapabilityError, createGateway, SubscriptionNameError } from '../../src/index.ts';
import { deferred } from '../support/deferred.ts';
import { FaultyBroker, unavailable } from '../support/faulty-broker.ts';
import { readSeen, seeingEncoding, subscribeSeeing, type Seen } from '../support/recovering-client.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const rule = { pattern: 'news', history: { size: 100, ttl: 60 } };
const recovery = { publications: 50, bytes: 10_000, patienceMs: 60_000 };

interface Arranged extends AsyncDisposable {
  readonly broker: FaultyBroker;
  readonly metrics: Metrics;
  readonly gateway: Gateway;
  connect(): Promise<{ client: TestClient; connection: Connection }>;
  /** Multicasts "<first>", "<first + 1>", … */
  say(first: number, last?: number): Promise<Position[]>;
}

async function arrange(options: Partial<Parameters<typeof startGateway>[1]> = {}): Promise<Arranged> {
  const broker = new FaultyBroker();
  const metrics = new Metrics();
  const started: StartedGateway = await startGateway(
    { encoding: () => seeingEncoding },
    // Many names on one connection keep the gateway busy.
    { broker, metrics, subscriptions: [rule], recovery, limits: { subscriptions: 0 }, ...options },
  );
  const { gateway } = started;
  const clients: TestClient[] = [];
  return {
    broker,
    metrics,
    gateway,
    async connect() {
      const before = new Set(gateway.connections.keys());
      const client = await TestClient.open(started.url);
      clients.push(client);
      const connection = [...gateway.connections.values()].find(({ id }) => !before.has(id));
      if (connection === undefined) throw new Error('no connection');
      return { client, connection };
    },
    async say(first, last = first) {
      const positions: Position[] = [];
      for (let i = first; i <= last; i++) {
        const position = await gateway.multicast('news', String(i));
        if (position === undefined) throw new Error('no position');
        positions.push(position);
      }
      return positions;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      await started[Symbol.asyncDispose]();
    },
  };
}

const numbers = (seen: readonly Seen[]): (string | number)[] =>
  seen.map((one) => (one.type === 'publication' ? Number(one.data) : one.type));
const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const at = (positions: readonly Position[], index: number): Position => {
  const position = positions[index];
  if (position === undefined) throw new Error('no position');
  return position;
};

describe('subscribing with a position', () => {
  it('answers what came after it, and live publications follow', async () => {
    await using arranged = await arrange();
    const { gateway, say } = arranged;
    const positions = await say(1, 5);
    const { client, connection } = await arranged.connect();
    const subscribed = await subscribeSeeing(gateway, connection, 'news', { since: at(positions, 1) });
    expect(subscribed).toMatchObject({ recovered: true, position: at(positions, 4) });
    expect(subscribed).not.toHaveProperty('reason');
    await say(6);
    expect(numbers(await readSeen(client, 5))).toEqual(['subscribed', 3, 4, 5, 6]);
    expect(arranged.metrics.counts.recoveries.get('recovered')).toBe(1);
  });

  it('without one answers where it stands, and nothing of before', async () => {
    await using arranged = await arrange();
    const positions = await arranged.say(1, 3);
    const { connection } = await arranged.connect();
    expect(await arranged.gateway.subscribe(connection, 'news')).toEqual({
      recovered: false,
      position: at(positions, 2),
      publications: [],
    });
    expect(await arranged.gateway.subscribe(connection, 'other')).toEqual({ recovered: false, publications: [] });
  });

  it('reads nothing where the client is where the others are', async () => {
    await using arranged = await arrange();
    const one = await arranged.connect();
    await arranged.gateway.subscribe(one.connection, 'news');
    const positions = await arranged.say(1, 3);
    expect(await readSeen(one.client, 3)).toHaveLength(3);
    const { reads } = arranged.broker;
    const other = await arranged.connect();
    const subscribed = await arranged.gateway.subscribe(other.connection, 'news', { since: at(positions, 2) });
    expect(subscribed).toEqual({ recovered: true, position: at(positions, 2), publications: [] });
    expect(arranged.broker.reads).toBe(reads);
  });

  it('says no-history where the subscription keeps none', async () => {
    await using arranged = await arrange();
    const { connection } = await arranged.connect();
    const since = { epoch: 'x', offset: 1 };
    expect(await arranged.gateway.subscribe(connection, 'other', { since })).toEqual({
      recovered: false,
      reason: 'no-history',
      publications: [],
    });
  });

  it('says trimmed where something is no longer kept, and goes on from the newest', async () => {
    await using arranged = await arrange({ subscriptions: [{ pattern: 'news', history: { size: 3, ttl: 60 } }] });
    const positions = await arranged.say(1, 10);
    const { client, connection } = await arranged.connect();
    const subscribed = await subscribeSeeing(arranged.gateway, connection, 'news', { since: at(positions, 5) });
    expect(subscribed).toEqual({ recovered: false, reason: 'trimmed', position: at(positions, 9), publications: [] });
    await arranged.say(11);
    expect(numbers(await readSeen(client, 2))).toEqual(['subscribed', 11]);
    const other = await arranged.connect();
    const kept = await arranged.gateway.subscribe(other.connection, 'news', { since: at(positions, 7) });
    expect(kept?.publications.map(({ data }) => Number(data))).toEqual([9, 10, 11]);
  });

  it('says epoch where the history is another one, or never went so far', async () => {
    await using arranged = await arrange();
    const positions = await arranged.say(1, 2);
    for (const since of [
      { epoch: 'another', offset: 1 },
      { ...at(positions, 1), offset: 3 },
    ]) {
      const { connection } = await arranged.connect();
      expect(await arranged.gateway.subscribe(connection, 'news', { since })).toEqual({
        recovered: false,
        reason: 'epoch',
        position: at(positions, 1),
        publications: [],
      });
    }
    expect(arranged.metrics.counts.gaps.size).toBe(0);
  });

  it('does not take a position of before a loss for one of after it, whoever comes back with it', async () => {
    await using arranged = await arrange();
    const before = await arranged.say(1, 3);
    await arranged.broker.restartEmpty();
    const after = await arranged.say(4, 9);
    const clients = await Promise.all(Array.from({ length: 4 }, () => arranged.connect()));
    const places = [at(after, 2), at(before, 1), at(after, 3), at(before, 2)];
    const answers = await Promise.all(
      clients.map(({ connection }, i) => arranged.gateway.subscribe(connection, 'news', { since: at(places, i) })),
    );
    expect(answers.map((answer) => answer?.reason ?? answer?.publications.map(({ data }) => Number(data)))).toEqual([
      [7, 8, 9],
      'epoch',
      [8, 9],
      'epoch',
    ]);
  });

  it('goes on in a history that goes on under another epoch, with one reading for all', async () => {
    await using arranged = await arrange();
    const before = await arranged.say(1, 20);
    await arranged.broker.beginGeneration('news');
    await arranged.say(21, 22);
    const clients = await Promise.all(Array.from({ length: 15 }, () => arranged.connect()));
    const answers = await Promise.all(
      clients.map(({ connection }, i) => arranged.gateway.subscribe(connection, 'news', { since: at(before, i) })),
    );
    for (const [i, answer] of answers.entries())
      expect(answer?.publications.map(({ data }) => Number(data))).toEqual(range(i + 2, 22));
    expect(arranged.broker.reads).toBeLessThan(6);
    const [first] = clients;
    await arranged.broker.beginGeneration('news');
    await arranged.say(23);
    expect(numbers(await readSeen(first?.client as TestClient, 1))).toEqual([23]);
    expect(arranged.metrics.counts.gaps.size).toBe(0);
  });

  it('says too-many where it is more than recovery.publications or recovery.bytes', async () => {
    await using arranged = await arrange();
    const positions = await arranged.say(1, 60);
    const one = await arranged.connect();
    const many = await arranged.gateway.subscribe(one.connection, 'news', { since: at(positions, 8) });
    expect(many).toMatchObject({ recovered: false, reason: 'too-many', publications: [], position: at(positions, 59) });
    const other = await arranged.connect();
    const most = await arranged.gateway.subscribe(other.connection, 'news', { since: at(positions, 9) });
    expect(most?.publications).toHaveLength(50);
    await arranged.gateway.multicast('news', 'x'.repeat(10_001));
    const third = await arranged.connect();
    expect(await arranged.gateway.subscribe(third.connection, 'news', { since: at(positions, 59) })).toMatchObject({
      reason: 'too-many',
    });
  });

  it('leaves out what excludes the connection', async () => {
    await using arranged = await arrange();
    const positions = await arranged.say(1);
    const { connection } = await arranged.connect();
    await arranged.gateway.multicast('news', 'not for it', { exclude: [connection] });
    await arranged.say(3);
    const subscribed = await arranged.gateway.subscribe(connection, 'news', { since: at(positions, 0) });
    expect(subscribed?.recovered).toBe(true);
    expect(subscribed?.publications.map(({ data }) => data.toString())).toEqual(['3']);
  });

  it('has neither a gap nor a duplicate while publications come in', async () => {
    await using arranged = await arrange();
    const positions = await arranged.say(1, 3);
    const early = await arranged.connect();
    await subscribeSeeing(arranged.gateway, early.connection, 'news');
    // Published while the page is on its way, and before it is made.
    arranged.broker.beforeRead = async () => void (await arranged.say(4, 6));
    arranged.broker.afterRead = async () => {
      arranged.broker.beforeRead = undefined;
      arranged.broker.afterRead = undefined;
      await arranged.say(7, 9);
      await until(() => early.client.unread.length === 7);
    };
    const late = await arranged.connect();
    const subscribed = await subscribeSeeing(arranged.gateway, late.connection, 'news', { since: at(positions, 0) });
    expect(subscribed?.recovered).toBe(true);
    await arranged.say(10);
    expect(numbers(await readSeen(late.client, 10))).toEqual(['subscribed', ...range(2, 10)]);
    expect(numbers(await readSeen(early.client, 8))).toEqual(['subscribed', ...range(4, 10)]);
  });

  it('gives the others what the page has and they had not received, once', async () => {
    await using arranged = await arrange();
    const early = await arranged.connect();
    await subscribeSeeing(arranged.gateway, early.connection, 'news');
    const late: (() => void)[] = [];
    arranged.broker.onDeliver = (publication, deliver) => late.push(() => deliver(publication));
    const positions = await arranged.say(1, 3);
    await until(() => late.length === 3);
    // From further than this worker has got: another one had told the client.
    const other = await arranged.connect();
    const subscribed = await subscribeSeeing(arranged.gateway, other.connection, 'news', { since: at(positions, 1) });
    expect(subscribed).toMatchObject({ recovered: true, position: at(positions, 2) });
    for (const deliver of late) deliver();
    arranged.broker.onDeliver = undefined;
    await arranged.say(4);
    expect(numbers(await readSeen(early.client, 5))).toEqual(['subscribed', 1, 2, 3, 4]);
    expect(numbers(await readSeen(other.client, 3))).toEqual(['subscribed', 3, 4]);
    expect(arranged.metrics.counts.duplicatesDropped).toBe(3);
  });

  it('reads once for all that come back together, and each gets its own', async () => {
    await using arranged = await arrange();
    const positions = await arranged.say(1, 40);
    const clients = await Promise.all(Array.from({ length: 20 }, () => arranged.connect()));
    const answers = await Promise.all(
      clients.map(({ connection }, i) => arranged.gateway.subscribe(connection, 'news', { since: at(positions, i) })),
    );
    for (const [i, answer] of answers.entries())
      expect(answer?.publications.map(({ data }) => Number(data))).toEqual(range(i + 2, 40));
    expect(arranged.broker.reads).toBeLessThan(5);
  });

  it('reads few histories at once however many clients come back', async () => {
    await using arranged = await arrange({ subscriptions: [{ pattern: '*', history: { size: 5, ttl: 60 } }] });
    const { connection } = await arranged.connect();
    const names = Array.from({ length: 3_000 }, (_, i) => `room:${i}`);
    const since = { epoch: 'another', offset: 1 };
    const answers = await Promise.all(names.map((name) => arranged.gateway.subscribe(connection, name, { since })));
    expect(answers.every((answer) => answer?.reason === 'epoch')).toBe(true);
    expect(arranged.broker.mostReadsUnderWay).toBeLessThanOrEqual(64);
  });

  it('reads no more than recovery.bytes and a page for one client', async () => {
    await using arranged = await arrange({
      subscriptions: [{ pattern: 'news', history: { size: 2_000, ttl: 60 } }],
      recovery: { publications: 10_000, bytes: 1_000_000, patienceMs: 60_000 },
    });
    const { connection } = await arranged.connect();
    const positions: Position[] = [];
    for (let i = 0; i < 500; i++) {
      const position = await arranged.gateway.multicast('news', 'x'.repeat(50_000));
      if (position !== undefined) positions.push(position);
    }
    const { reads } = arranged.broker;
    expect(await arranged.gateway.subscribe(connection, 'news', { since: at(positions, 0) })).toMatchObject({
      reason: 'too-many',
    });
    expect(arranged.broker.reads - reads).toBeLessThanOrEqual(2);
  });

  it('rejects while history cannot be read, and the connection is not subscribed', async () => {
    await using arranged = await arrange();
    const positions = await arranged.say(1, 2);
    const { client, connection } = await arranged.connect();
    arranged.broker.beforeRead = unavailable;
    await expect(arranged.gateway.subscribe(connection, 'news', { since: at(positions, 0) })).rejects.toBeInstanceOf(
      BrokerUnavailableError,
    );
    expect(arranged.metrics.counts).toMatchObject({ subscribers: 0, subscriptions: 0 });
    arranged.broker.beforeRead = undefined;
    await arranged.say(3);
    await subscribeSeeing(arranged.gateway, connection, 'news', { since: at(positions, 1) });
    expect(numbers(await readSeen(client, 2))).toEqual(['subscribed', 3]);
  });

  it('answers undefined to a connection that was unsubscribed meanwhile, and nothing reaches it', async () => {
    await using arranged = await arrange();
    const positions = await arranged.say(1, 2);
    const stays = await arranged.connect();
    await arranged.gateway.subscribe(stays.connection, 'news');
    const { client, connection } = await arranged.connect();
    arranged.broker.afterRead = () => {
      arranged.gateway.unsubscribe(connection, 'news');
    };
    expect(await arranged.gateway.subscribe(connection, 'news', { since: at(positions, 0) })).toBeUndefined();
    arranged.broker.afterRead = undefined;
    await arranged.say(3);
    expect(numbers(await readSeen(stays.client, 1))).toEqual([3]);
    expect(client.unread).toEqual([]);
    expect(arranged.metrics.counts).toMatchObject({ subscribers: 1, subscriptions: 1 });
  });

  it('tells a joining that was given up from the one that followed it', async () => {
    await using arranged = await arrange();
    const positions = await arranged.say(1, 4);
    const { client, connection } = await arranged.connect();
    let second: Promise<unknown> | undefined;
    arranged.broker.afterRead = () => {
      arranged.broker.afterRead = undefined;
      arranged.gateway.unsubscribe(connection, 'news');
      second = subscribeSeeing(arranged.gateway, connection, 'news', { since: at(positions, 2) });
    };
    expect(await arranged.gateway.subscribe(connection, 'news', { since: at(positions, 0) })).toBeUndefined();
    await second;
    await arranged.say(5);
    expect(numbers(await readSeen(client, 3))).toEqual(['subscribed', 4, 5]);
  });

  it('answers undefined to a client that was gone before the answer', async () => {
    await using arranged = await arrange();
    const positions = await arranged.say(1, 2);
    const { client, connection } = await arranged.connect();
    arranged.broker.afterRead = async () => {
      client.webSocket.terminate();
      await until(() => !connection.open);
    };
    expect(await arranged.gateway.subscribe(connection, 'news', { since: at(positions, 0) })).toBeUndefined();
    expect(arranged.metrics.counts).toMatchObject({ subscribers: 0, subscriptions: 0 });
  });

  it('a second time gives what came after the position, and nothing live twice', async () => {
    await using arranged = await arrange();
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    const positions = await arranged.say(1, 3);
    await subscribeSeeing(arranged.gateway, connection, 'news', { since: at(positions, 1) });
    await arranged.say(4);
    expect(numbers(await readSeen(client, 7))).toEqual(['subscribed', 1, 2, 3, 'subscribed', 3, 4]);
    expect(arranged.metrics.counts.subscribers).toBe(1);
  });
});

describe('live publications of a subscription with history', () => {
  it('are read from history where one is missing, and nobody notices', async () => {
    await using arranged = await arrange();
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    arranged.broker.onDeliver = (publication, deliver) => {
      if (!['2', '3', '6'].includes(publication.data.toString())) deliver(publication);
    };
    await arranged.say(1, 7);
    expect(numbers(await readSeen(client, 8))).toEqual(['subscribed', ...range(1, 7)]);
    expect(arranged.metrics.counts.recovered.get('news')).toBeGreaterThanOrEqual(3);
    expect(arranged.metrics.counts.gaps.size).toBe(0);
  });

  it('are delivered once where they come twice, and in order where they do not come in order', async () => {
    await using arranged = await arrange();
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    const held: (() => void)[] = [];
    arranged.broker.onDeliver = (publication, deliver) => held.push(() => deliver(publication));
    await arranged.say(1, 6);
    await until(() => held.length === 6);
    for (const index of [0, 0, 2, 1, 2, 5, 4, 3, 3]) held[index]?.();
    expect(numbers(await readSeen(client, 7))).toEqual(['subscribed', ...range(1, 6)]);
    arranged.broker.onDeliver = undefined;
    await arranged.say(7);
    expect(numbers(await readSeen(client, 1))).toEqual([7]);
  });

  it('are found missing after a gap that the broker tells of, even where none follows', async () => {
    await using arranged = await arrange();
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    arranged.broker.onDeliver = () => {};
    await arranged.say(1, 3);
    arranged.broker.gap(['news', 'another']);
    expect(numbers(await readSeen(client, 4))).toEqual(['subscribed', 1, 2, 3]);
    expect(arranged.metrics.counts.gaps.get('news')).toBeUndefined();
  });

  it('are found missing after a gap that is told of while a page from before it is on its way', async () => {
    await using arranged = await arrange();
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    await arranged.say(1);
    await readSeen(client, 2);
    arranged.broker.onDeliver = () => {};
    arranged.broker.afterRead = async () => {
      arranged.broker.afterRead = undefined;
      await arranged.say(2, 3);
      arranged.broker.gap(['news']);
    };
    arranged.broker.gap(['news']);
    expect(numbers(await readSeen(client, 2))).toEqual([2, 3]);
  });

  it('are found missing where one after them arrives while a page from before them is on its way', async () => {
    await using arranged = await arrange();
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    await arranged.say(1);
    await readSeen(client, 2);
    let seen = 0;
    arranged.broker.onDeliver = (publication, deliver) => {
      if (++seen > 1) deliver(publication);
    };
    arranged.broker.afterRead = async () => {
      arranged.broker.afterRead = undefined;
      await arranged.say(2, 3);
      await until(() => seen === 2);
    };
    arranged.broker.gap(['news']);
    expect(numbers(await readSeen(client, 2))).toEqual([2, 3]);
    expect(arranged.metrics.counts.gaps.size).toBe(0);
  });

  it('are all there however many arrive while a page is on its way', async () => {
    await using arranged = await arrange({
      subscriptions: [{ pattern: 'news', history: { size: 10_000, ttl: 60 } }],
      recovery: { ...recovery, publications: 10_000 },
    });
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    let seen = 0;
    arranged.broker.onDeliver = (publication, deliver) => {
      if (++seen > 1) deliver(publication);
    };
    arranged.broker.afterRead = async () => {
      arranged.broker.afterRead = undefined;
      await arranged.say(3, 3_500);
      await until(() => seen === 3_500);
    };
    await arranged.say(1, 2);
    expect(numbers(await readSeen(client, 3_501))).toEqual(['subscribed', ...range(1, 3_500)]);
    expect(arranged.metrics.counts.gaps.size).toBe(0);
  });

  it('end in a notice where the history has lost them, and go on with what it has kept', async () => {
    await using arranged = await arrange({ subscriptions: [{ pattern: 'news', history: { size: 2, ttl: 60 } }] });
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    await arranged.say(1);
    await readSeen(client, 2);
    arranged.broker.onDeliver = () => {};
    await arranged.say(2, 5);
    arranged.broker.gap(['news']);
    expect(numbers(await readSeen(client, 3))).toEqual(['gap', 4, 5]);
    arranged.broker.onDeliver = undefined;
    await arranged.say(6, 7);
    expect(numbers(await readSeen(client, 2))).toEqual([6, 7]);
    expect(arranged.metrics.counts.gaps.get('news')?.get('trimmed')).toBe(1);
    expect(arranged.metrics.counts.missed.get('news')).toBe(2);
  });

  it('are all given from history, however many those that stayed have missed', async () => {
    await using arranged = await arrange({
      subscriptions: [{ pattern: 'news', history: { size: 100_000, ttl: 60 } }],
    });
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    arranged.broker.onDeliver = () => {};
    const missed = range(1, 12_000);
    await Promise.all(missed.map((number) => arranged.gateway.multicast('news', String(number))));
    arranged.broker.gap(['news']);
    expect(numbers(await readSeen(client, 12_001))).toEqual(['subscribed', ...missed]);
    expect(arranged.metrics.counts.gaps.size).toBe(0);
  });

  it('begin again after the history was lost, with one notice', async () => {
    await using arranged = await arrange();
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    await arranged.say(1, 3);
    await readSeen(client, 4);
    await arranged.broker.restartEmpty();
    await arranged.say(4, 6);
    expect(numbers(await readSeen(client, 4))).toEqual(['gap', 4, 5, 6]);
    expect(arranged.metrics.counts.gaps.get('news')?.get('epoch')).toBe(1);
  });

  it('wait while history cannot be read, and come in order when it can', async () => {
    await using arranged = await arrange();
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    arranged.broker.onDeliver = (publication, deliver) => {
      if (publication.data.toString() !== '1') deliver(publication);
    };
    let failures = 0;
    arranged.broker.beforeRead = () => {
      if (++failures < 4) unavailable();
    };
    await arranged.say(1, 3);
    expect(numbers(await readSeen(client, 4))).toEqual(['subscribed', 1, 2, 3]);
  });

  it('are delivered after a notice where history stays out of reach', async () => {
    await using arranged = await arrange({ recovery: { ...recovery, patienceMs: 1 } });
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    arranged.broker.onDeliver = (publication, deliver) => {
      if (publication.data.toString() !== '1') deliver(publication);
    };
    arranged.broker.beforeRead = unavailable;
    await arranged.say(1, 3);
    expect(numbers(await readSeen(client, 4))).toEqual(['subscribed', 'gap', 2, 3]);
    await arranged.say(4);
    expect(numbers(await readSeen(client, 1))).toEqual([4]);
    expect(arranged.metrics.counts.gaps.get('news')?.get('unavailable')).toBe(1);
  });

  it('do not wait for a history when they have no position, such as those of redis-cli', async () => {
    await using arranged = await arrange();
    const { client, connection } = await arranged.connect();
    await subscribeSeeing(arranged.gateway, connection, 'news');
    let release = (): void => {};
    arranged.broker.beforeRead = () => new Promise((resolve) => (release = resolve));
    arranged.broker.onDeliver = (publication, deliver) => {
      if (publication.data.toString() !== '1') deliver(publication);
    };
    await arranged.say(1, 2);
    const bare = { subscription: 'news', data: Buffer.from('0'), kind: 'text' as const, exclude: [] };
    await arranged.broker.publish(bare);
    expect(numbers(await readSeen(client, 2))).toEqual(['subscribed', 0]);
    release();
    expect(numbers(await readSeen(client, 2))).toEqual([1, 2]);
  });
});

describe('a gap in 50,000 subscriptions', () => {
  it('is closed with at most 64 reads at a time, and told where there is no history', async () => {
    await using arranged = await arrange({ subscriptions: [{ pattern: 'kept:*', history: { size: 5, ttl: 60 } }] });
    const { connection, client } = await arranged.connect();
    const kept = Array.from({ length: 25_000 }, (_, i) => `kept:${i}`);
    const bare = Array.from({ length: 25_000 }, (_, i) => `bare:${i}`);
    await Promise.all([...kept, ...bare].map((name) => arranged.gateway.subscribe(connection, name)));
    const { reads } = arranged.broker;
    arranged.broker.mostReadsUnderWay = 0;
    arranged.broker.onDeliver = () => {};
    await arranged.gateway.multicast('kept:24999', 'missed');
    arranged.broker.onDeliver = undefined;
    arranged.broker.gap([...kept, ...bare]);
    await until(() => arranged.broker.reads === reads + 25_000 && client.unread.length === 25_001, {
      deadlineMs: 100_000,
      what: 'all have been looked after',
    });
    expect(arranged.broker.mostReadsUnderWay).toBeLessThanOrEqual(64);
    expect(client.unread.filter((message) => message.toString().includes('missed'))).toHaveLength(1);
    expect(arranged.metrics.counts.gaps.get('(none)')?.get('no-history')).toBe(25_000);
  }, 150_000);

  it('that cannot be read is told within the patience, also of those that had no turn', async () => {
    await using arranged = await arrange({
      recovery: { ...recovery, patienceMs: 1_000 },
      subscriptions: [{ pattern: 'bad:*', history: { size: 5, ttl: 60 } }],
    });
    const { connection, client } = await arranged.connect();
    const bad = Array.from({ length: 50_000 }, (_, i) => `bad:${i}`);
    await Promise.all(bad.map((name) => arranged.gateway.subscribe(connection, name)));
    let failing = 0;
    const { promise: isOver, resolve: end } = deferred<void>();
    arranged.broker.beforeRead = async () => {
      failing++;
      await isOver;
      unavailable();
    };
    arranged.broker.gap(bad);
    // Those that are being read, and are never answered, wait for that.
    await until(() => client.unread.length === bad.length - 64, { deadlineMs: 100_000, what: 'all others are told' });
    // All others have been told without a reading, but for one or another that is read again already.
    expect(failing).toBeGreaterThanOrEqual(64);
    expect(failing).toBeLessThan(128);
    end();
    await until(() => client.unread.length === bad.length);
    expect(arranged.metrics.counts.gaps.get('bad:*')?.get('unavailable')).toBe(bad.length);
  }, 150_000);

  it('that stays unreadable keeps none of the readable waiting', async () => {
    await using arranged = await arrange({ subscriptions: [{ pattern: '*', history: { size: 5, ttl: 60 } }] });
    const { connection, client } = await arranged.connect();
    const bad = Array.from({ length: 300 }, (_, i) => `bad:${i}`);
    for (const name of [...bad, 'good']) await arranged.gateway.subscribe(connection, name);
    let failing = 0;
    arranged.broker.beforeRead = (name) => {
      if (name === 'good') return;
      failing++;
      unavailable();
    };
    arranged.broker.gap(bad);
    await until(() => failing > bad.length);
    arranged.broker.onDeliver = () => {};
    await arranged.gateway.multicast('good', 'missed');
    arranged.broker.onDeliver = undefined;
    arranged.broker.gap(['good']);
    expect(await readSeen(client, 1)).toMatchObject([{ data: 'missed' }]);
    expect(client.unread).toEqual([]);
  });

  it('is counted only where somebody was told', async () => {
    await using arranged = await arrange();
    const { connection } = await arranged.connect();
    await arranged.gateway.subscribe(connection, 'bare');
    arranged.broker.gap(['nobody', 'bare']);
    await until(() => arranged.metrics.counts.gaps.size > 0);
    arranged.gateway.unsubscribe(connection, 'bare');
    arranged.broker.gap(['bare', 'another']);
    const last = await arranged.connect();
    await arranged.gateway.subscribe(last.connection, 'last');
    arranged.broker.gap(['last']);
    await until(() => arranged.metrics.counts.gaps.get('(none)')?.get('no-history') === 2);
  });

  it('is told before the next event of presence', async () => {
    const broker = new FaultyBroker();
    const seen: string[] = [];
    const names = Array.from({ length: 2_000 }, (_, i) => `bare:${i}`);
    const last = names.at(-1) ?? '';
    const encoding = {
      ...seeingEncoding,
      gap: (name: string) => void (name === last && seen.push('gap')),
      presence: () => void seen.push('presence'),
    };
    await using started = await startGateway({ encoding: () => encoding }, { broker, limits: { subscriptions: 0 } });
    await using _client = await TestClient.open(started.url);
    const [connection] = started.gateway.connections.values();
    if (connection === undefined) throw new Error('no connection');
    for (const name of names) await started.gateway.subscribe(connection, name);
    broker.onPresence = (event, give) => {
      broker.gap(names);
      give(event);
    };
    await broker.presence.enter(last, { connectionId: 'somebody' });
    await until(() => seen.length === 2);
    expect(seen).toEqual(['gap', 'presence']);
  });

  it('is told before what is delivered next', async () => {
    await using arranged = await arrange();
    const { connection, client } = await arranged.connect();
    const names = Array.from({ length: 2_000 }, (_, i) => `bare:${i}`);
    for (const name of names) await arranged.gateway.subscribe(connection, name);
    const last = names.at(-1) ?? '';
    const deliver = { subscription: last, data: Buffer.from('after'), kind: 'text' as const, exclude: [] };
    arranged.broker.onDeliver = (publication, give) => {
      arranged.broker.gap(names);
      give(publication);
    };
    await arranged.broker.publish(deliver);
    const first = await readSeen(client, 2);
    expect(first.map(({ type }) => type)).toEqual(['gap', 'publication']);
    await until(() => client.unread.length === 1_999);
  });
});

describe('history', () => {
  it('is read by position, forwards and backwards', async () => {
    await using arranged = await arrange();
    const positions = await arranged.say(1, 5);
    const page = await arranged.gateway.history('news', { since: at(positions, 1), limit: 2 });
    expect(page.publications.map(({ data }) => data.toString())).toEqual(['3', '4']);
    expect(page.position).toEqual(at(positions, 4));
    const last = await arranged.gateway.history('news', { limit: 2, reverse: true });
    expect(last.publications.map(({ data }) => data.toString())).toEqual(['5', '4']);
  });

  it('is refused where none is kept, with what to write', async () => {
    await using arranged = await arrange({ subscriptions: [rule, { pattern: 'other', presence: true }] });
    await expect(arranged.gateway.history('other', { limit: 1 })).rejects.toThrow(
      'the subscription "other" keeps no history: its rule, "other", gives it none; expected "history: {size, ttl}" in "subscriptions"',
    );
    await expect(arranged.gateway.history('all', { limit: 1 })).rejects.toBeInstanceOf(CapabilityError);
  });

  it('names the field that is wrong', async () => {
    await using arranged = await arrange();
    const { gateway } = arranged;
    await expect(gateway.history('news', { limit: -1 })).rejects.toThrow('limit: found -1, expected an integer from 0');
    await expect(gateway.history('news', { limit: 1, since: { epoch: '', offset: 1 } })).rejects.toThrow(
      'since.epoch: found "", expected a string of 1 to 256 characters',
    );
    await expect(gateway.history('news', { limit: 1, since: { epoch: 'e', offset: 0.5 } })).rejects.toThrow(
      'since.offset: found 0.5, expected an integer from 0',
    );
    const { connection } = await arranged.connect();
    await expect(gateway.subscribe(connection, 'news', { since: { epoch: 'e', offset: -1 } })).rejects.toBeInstanceOf(
      ArgumentError,
    );
  });

  it('takes a publication with the same id once', async () => {
    await using arranged = await arrange();
    const first = await arranged.gateway.multicast('news', 'a', { id: 'once' });
    expect(await arranged.gateway.multicast('news', 'a', { id: 'once' })).toEqual(first);
    expect((await arranged.gateway.history('news', { limit: 10 })).publications).toHaveLength(1);
    await expect(arranged.gateway.multicast('news', 'a', { id: 'é'.repeat(129) })).rejects.toThrow(
      'id: found 258 bytes, expected 1 to 256 bytes of UTF-8',
    );
    await expect(arranged.gateway.multicast('news', 'a', { id: '' })).rejects.toBeInstanceOf(ArgumentError);
  });

  it('cannot be configured over a broker that has none', async () => {
    const whole = new FaultyBroker();
    const broker = {
      start: whole.start.bind(whole),
      subscribe: whole.subscribe.bind(whole),
      unsubscribe: whole.unsubscribe.bind(whole),
      publish: whole.publish.bind(whole),
      close: whole.close.bind(whole),
    };
    await expect(createGateway({ broker, subscriptions: [rule] })).rejects.toThrow(
      'subscriptions: the rule "news" keeps history, and the broker in use cannot',
    );
  });
});

describe('reserved names', () => {
  it('are refused everywhere', async () => {
    await using arranged = await arrange();
    const { gateway } = arranged;
    const { connection } = await arranged.connect();
    for (const call of [
      () => gateway.subscribe(connection, 'carillon:nodes'),
      () => gateway.multicast('carillon:control', '{}'),
      () => gateway.history('carillon:nodes', { limit: 1 }),
      () => gateway.presence('carillon:nodes', 1),
      () => gateway.presenceStats('carillon:nodes'),
    ]) {
      await expect(call()).rejects.toBeInstanceOf(SubscriptionNameError);
    }
  });
});

describe('presence by rule', () => {
  it('is not entered, listed or counted where the rule says false', async () => {
    await using arranged = await arrange({ subscriptions: [{ pattern: 'quiet', presence: false }] });
    const { gateway } = arranged;
    const { connection } = await arranged.connect();
    expect(await gateway.subscribe(connection, 'quiet', { presence: '{}' })).toBeDefined();
    expect(await gateway.presence('quiet', 10)).toEqual({ members: [] });
    expect(await gateway.presenceStats('quiet')).toEqual({ connections: 0, users: 0 });
    expect(await gateway.updatePresence(connection, 'quiet', '{}')).toBe(false);
    expect((await arranged.broker.presence.members('quiet', 10)).members).toEqual([]);
    await gateway.subscribe(connection, 'loud', { presence: '{}' });
    expect(await gateway.presenceStats('loud')).toEqual({ connections: 1, users: 0 });
  });
});
