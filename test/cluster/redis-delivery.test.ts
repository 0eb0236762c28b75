import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePublication } from '../../src/broker/redis/payload-codec.ts';
import { ChatClient } from '../support/chat-client.ts';
import type { Sent } from '../support/chat-publisher.ts';
import { judge, type Verdict } from '../support/judge.ts';
import { startAll, stopAll } from '../support/start-all.ts';
import { startNodes, type Nodes } from '../support/start-nodes.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { TestClient } from '../support/test-client.ts';
import { Track } from '../support/track.ts';
import { until } from '../support/until.ts';

const workersPerNode = 2;
/** Said by each of the speakers, as fast as they can. */
const each = 250;

/** The rooms: with history and without. */
const rooms = ['/kept', '/loose'] as const;

describe('two nodes with two workers each on one Redis', () => {
  let redis: RedisServer;
  let nodes: Nodes;

  beforeAll(async () => {
    redis = await startRedis();
    nodes = await startNodes(redis, {
      config: {
        workers: workersPerNode,
        apps: { chat: { urls: [...rooms, '/excluded', '/foreign'] } },
        subscriptions: [
          { pattern: '/kept', history: { size: 1_000, ttl: 60 } },
          { pattern: '/loose', history: false },
        ],
      },
    });
  });
  afterAll(async () => {
    await nodes?.[Symbol.asyncDispose]();
    await redis?.[Symbol.asyncDispose]();
  });

  it.each(rooms)('give every multicast in %s to every subscriber exactly once, in one order', async (room) => {
    const clients = await oneOnEachWorker(nodes, room);
    const plain = await startAll(nodes.products.map((product) => TestClient.open(product.socketUrl(room))));
    try {
      await everybodyIn(redis, plain, room);
      const sent = clients.map((_client, s) => Array.from({ length: each }, (_, i) => numbered(s, i + 1)));
      for (let i = 0; i < each; i++) {
        for (const [s, client] of clients.entries()) client.send(say(sent[s]?.[i]?.key ?? ''));
      }
      const total = clients.length * each;
      const heardByPlain = await Promise.all(
        plain.map(async (client) => (await client.take(total)).map((line) => String(line).replace(/^[^ ]+ /, ''))),
      );
      const verdicts = heardByPlain.map((heard, i) => judged(`plain client ${i + 1}`, sent.flat(), heard));
      const [texts = [], ...others] = heardByPlain;
      for (const other of others) expect(other).toEqual(texts);
      for (const [s, client] of clients.entries()) {
        // Nobody hears himself: the exclude list reaches every worker of every node.
        const expected = texts.filter((text) => !text.startsWith(`${s}:`));
        const heard: string[] = [];
        while (heard.length < expected.length) {
          const { text, from } = await client.nextOf('message');
          if (from !== null) heard.push(text);
        }
        expect(heard).toEqual(expected);
        expect(texts.filter((text) => text.startsWith(`${s}:`))).toEqual(sent[s]?.map(({ key }) => key));
        const ofOthers = sent.filter((_, speaker) => speaker !== s).flat();
        verdicts.push(judged(`speaker ${s}`, ofOthers, heard));
      }
      console.info(`${room}: sent ${total}; on ${clients.length} workers ${describeVerdicts(verdicts)}`);
      const none = { lost: [], duplicated: [], reordered: [] };
      expect(verdicts).toEqual(verdicts.map((verdict) => ({ ...verdict, ...none })));
      // Nothing comes after all that was expected: the next thing everybody hears is this.
      await redis.admin.publish(room, 'the end');
      for (const client of plain) expect(await client.next()).toBe('the end');
      for (const client of clients) expect((await client.nextOf('message')).text).toBe('the end');
    } finally {
      await stopAll([...clients, ...plain]);
    }
  });

  it('leave out whom a publisher on another node excludes', async () => {
    const clients = await oneOnEachWorker(nodes, '/excluded');
    try {
      const excluded = clients.filter((_, i) => i % 2 === 0).map(({ welcome }) => welcome.id);
      const data = Buffer.from('not for everybody');
      await redis.admin.publish(
        '/excluded',
        encodePublication({ subscription: '/excluded', data, kind: 'text', exclude: excluded }),
      );
      await redis.admin.publish('/excluded', 'for everybody');
      for (const [i, client] of clients.entries()) {
        if (i % 2 === 1) expect((await client.nextOf('message')).text).toBe('not for everybody');
        expect((await client.nextOf('message')).text).toBe('for everybody');
      }
    } finally {
      await stopAll(clients);
    }
  });

  it('give to Redis what is said, and to clients what any program publishes there', async () => {
    await using first = await TestClient.open(nodes.node(1).socketUrl('/foreign'));
    await using second = await TestClient.open(nodes.node(2).socketUrl('/foreign'));
    await everybodyIn(redis, [first, second], '/foreign');
    await redis.admin.publish('/foreign', 'héllo');
    expect(await first.next()).toBe('héllo');
    expect(await second.next()).toBe('héllo');
    await redis.admin.publish('/foreign', Buffer.from([0, 0xff, 1]));
    expect(await first.next()).toEqual(Buffer.from([0, 0xff, 1]));
    expect(await second.next()).toEqual(Buffer.from([0, 0xff, 1]));
  });
});

/** What a speaker says, as the judge knows it: once, on one connection, and all of it is expected. */
function numbered(speaker: number, number: number): Sent {
  const publisher = String(speaker);
  const key = `${publisher}:${number}`;
  return { key, publisher, number, connection: 1, at: 0, outcome: 'accepted', retries: 0 };
}

function judged(name: string, expected: readonly Sent[], heard: readonly string[]): Verdict {
  const track = new Track(name);
  for (const key of heard) track.heard(key, undefined);
  const [verdict] = judge(expected, [track]);
  return verdict ?? expect.fail('one track, one verdict');
}

function describeVerdicts(verdicts: readonly Verdict[]): string {
  const sum = (count: (verdict: Verdict) => number): number =>
    verdicts.reduce((total, verdict) => total + count(verdict), 0);
  return (
    `${verdicts.length} subscribers together received ${sum(({ received }) => received)}, ` +
    `lost ${sum(({ lost }) => lost.length)}, duplicated ${sum(({ duplicated }) => duplicated.length)}, ` +
    `reordered ${sum(({ reordered }) => reordered.length)}`
  );
}

function say(text: string): object {
  return { type: 'message', text };
}

/** A plain client is not told when it is in: it is when it hears what is said. */
async function everybodyIn(redis: RedisServer, clients: readonly TestClient[], room: string): Promise<void> {
  let rings = 0;
  await until(async () => {
    await redis.admin.publish(room, `ring ${++rings}`);
    return clients.every(({ unread }) => unread.length > 0);
  });
  for (const client of clients) while ((await client.next()) !== `ring ${rings}`);
}

/** The kernel chooses who accepts a connection, so it is asked until everybody has. */
async function oneOnEachWorker(nodes: Nodes, room: string): Promise<ChatClient[]> {
  const found = new Map<string, ChatClient>();
  const surplus: ChatClient[] = [];
  for (const product of nodes.products) {
    const wanted = found.size + workersPerNode;
    while (found.size < wanted && surplus.length < 100) {
      const client = await ChatClient.open(product.socketUrl(room));
      const place = `${client.welcome.node} ${client.welcome.worker}`;
      if (found.has(place)) surplus.push(client);
      else found.set(place, client);
    }
  }
  await stopAll(surplus);
  expect(found.size).toBe(nodes.products.length * workersPerNode);
  return [...found.values()];
}
