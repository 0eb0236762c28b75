import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/gateway/connection.ts';
import type { Encoding } from '../../src/gateway/encoding.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { plainEncoding } from '../../src/gateway/encoding.ts';
import type { SlowConsumerPolicy } from '../../src/gateway/subscription-rules.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { FaultyBroker } from '../support/faulty-broker.ts';
import { startGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** Not to be compressed to nothing. */
const filling = randomBytes(37_500).toString('base64');
/** More than the kernel's buffers and the outbox hold. */
const many = 300;
const outboxBytes = 1_000_000;
/** What leaves at once, and stays in the kernel's way for as long as it does not take it. */
const mostInFlightBytes = 256 * 1024;

/** Has a word for everything. */
const talkative: Encoding = {
  name: 'talkative',
  publication: (publication) => publication,
  presence: ({ member }) => ({ kind: 'text', data: `presence ${member.connectionId}` }),
  gap: (_subscription, missed) => ({ kind: 'text', data: `gap ${missed ?? '?'}` }),
  presenceGap: () => ({ kind: 'text', data: 'presence-gap' }),
};

interface Arranged extends AsyncDisposable {
  readonly broker: FaultyBroker;
  readonly metrics: Metrics;
  readonly gateway: Gateway;
  /** Reads everything. */
  readonly reader: TestClient;
  /** Does not read, and has a word for what is missing. */
  readonly slow: TestClient;
  readonly slowConnection: Connection;
  /** Does not read either. */
  readonly plain: TestClient;
  /** Multicasts numbers to `feed`, each when the reader has the one before. @returns the most bytes that waited for one */
  flood(count?: number, between?: (number: number) => void | Promise<unknown>): Promise<number>;
}

async function arrange(slowConsumer: SlowConsumerPolicy, perMessageDeflate = false): Promise<Arranged> {
  const broker = new FaultyBroker();
  const metrics = new Metrics();
  const started = await startGateway(
    { subprotocols: ['talkative'], encoding: (name) => (name === 'talkative' ? talkative : plainEncoding) },
    {
      broker,
      metrics,
      limits: { messageBytes: 1_000, outboxBytes },
      compression: { enabled: perMessageDeflate, thresholdBytes: 10, level: 1 },
      subscriptions: [
        { pattern: 'feed', slowConsumer },
        { pattern: 'whole', slowConsumer: 'resync', history: { size: 1_000, ttl: 60 } },
      ],
    },
    (connection, gateway) => gateway.subscribe(connection, 'feed'),
  );
  const { gateway, url } = started;
  const slow = await TestClient.open(url, ['talkative'], { perMessageDeflate });
  const [slowConnection] = gateway.connections.values();
  if (slowConnection === undefined) throw new Error('no connection');
  const plain = await TestClient.open(url);
  const reader = await TestClient.open(url);
  await until(() => metrics.counts.subscribers === 3);
  slow.webSocket.pause();
  plain.webSocket.pause();
  return {
    broker,
    metrics,
    gateway,
    reader,
    slow,
    slowConnection,
    plain,
    async flood(count = many, between = () => {}) {
      let most = 0;
      for (let i = 0; i < count; i++) {
        await gateway.multicast('feed', `${i} ${filling}`);
        expect(await reader.next()).toBe(`${i} ${filling}`);
        await between(i);
        for (const { bufferedBytes } of gateway.connections.values()) most = Math.max(most, bufferedBytes);
      }
      return most;
    },
    async [Symbol.asyncDispose]() {
      for (const client of [slow, plain, reader]) await client[Symbol.asyncDispose]();
      await started[Symbol.asyncDispose]();
    },
  };
}

/** Has all clients read what waits, up to a last publication. @returns what this one was given, without the filling */
async function readOn({ gateway, slow, plain }: Arranged, client: TestClient): Promise<string[]> {
  slow.webSocket.resume();
  plain.webSocket.resume();
  const connections = [...gateway.connections.values()];
  await until(() => connections.every(({ bufferedBytes }) => bufferedBytes === 0));
  await gateway.multicast('feed', 'end');
  await until(() => slow.unread.at(-1) === 'end' && plain.unread.at(-1) === 'end');
  return shortened(client).slice(0, -1);
}

function shortened(client: TestClient): string[] {
  return client.unread.map((message) => message.toString().replace(` ${filling}`, ''));
}

function numbersIn(seen: readonly string[]): number[] {
  return seen.filter((message) => /^\d+$/.test(message)).map(Number);
}

/** Goes through what a client was given and told; every publication has to be one or the other, in its place. */
function account(seen: readonly string[]): { readonly next: number; readonly missed: number } {
  let next = 0;
  let missed = 0;
  for (const message of seen) {
    const [, told] = /^gap (\d+)$/.exec(message) ?? [];
    if (told !== undefined) {
      missed += Number(told);
      next += Number(told);
    } else if (/^\d+$/.test(message)) {
      expect(Number(message)).toBe(next++);
    }
  }
  return { next, missed };
}

function droppedOf({ counts }: Metrics, policy: SlowConsumerPolicy): number {
  return counts.dropped.get('feed')?.get(policy) ?? 0;
}

describe('a slow consumer of a subscription that says drop-oldest', () => {
  it.each([
    ['', false],
    [', compressed', true],
  ])(
    'stays, is given the newest, and is told exactly how many are missing, where they are%s',
    async (_how, deflate) => {
      await using arranged = await arrange('drop-oldest', deflate);
      const { slow, plain, metrics } = arranged;
      const most = await arranged.flood();
      expect(most).toBeLessThanOrEqual(outboxBytes);
      const told = await readOn(arranged, slow);
      const { next, missed } = account(told);
      expect(next).toBe(many);
      expect(missed).toBeGreaterThan(0);
      expect(told.at(-1)).toBe(String(many - 1));
      // Plain clients have no word for it, and the rest as it is.
      const shown = numbersIn(shortened(plain));
      expect(plain.unread).toHaveLength(shown.length + 1);
      expect(shown).toEqual(shown.toSorted((a, b) => a - b));
      expect(shown.at(-1)).toBe(many - 1);
      expect(droppedOf(metrics, 'drop-oldest')).toBe(missed + many - shown.length);
      // One note, unless the kernel has taken more in between.
      const notes = told.filter((message) => message.startsWith('gap')).length;
      expect(metrics.counts.gaps.get('feed')).toEqual(new Map([['dropped', notes]]));
      expect(metrics.counts.slowConsumers).toBe(0);
    },
  );

  it('is told anew each time it falls behind', async () => {
    await using arranged = await arrange('drop-oldest');
    let next = 0;
    for (let round = 1; round <= 2; round++) {
      await arranged.flood();
      const seen = await readOn(arranged, arranged.slow);
      const rounds = seen.join('\n').split('\nend\n');
      expect(rounds).toHaveLength(round);
      const accounted = account(rounds.at(-1)?.split('\n') ?? []);
      next += accounted.next;
      expect(accounted.missed).toBeGreaterThan(0);
      arranged.slow.webSocket.pause();
      expect(await arranged.reader.next()).toBe('end');
    }
    expect(next).toBe(2 * many);
  });

  it('gets everything else that it is sent, in its place', async () => {
    await using arranged = await arrange('drop-oldest');
    const { gateway, slow, slowConnection } = arranged;
    await gateway.subscribe(slowConnection, 'other');
    await arranged.flood(many, async (i) => {
      gateway.send(slowConnection, `sent after ${i}`);
      await gateway.multicast('other', `other after ${i}`);
    });
    const seen = await readOn(arranged, slow);
    expect(account(seen).next).toBe(many);
    const others = Array.from({ length: many }, (_, i) => [`sent after ${i}`, `other after ${i}`]).flat();
    expect(seen.filter((message) => message.includes('after'))).toEqual(others);
    // A number comes after all that was sent before it.
    for (const [index, message] of seen.entries())
      if (/^\d+$/.test(message) && message !== '0')
        expect(seen.indexOf(`other after ${Number(message) - 1}`)).toBeLessThan(index);
  });

  it.each(['drop-oldest', 'keep-latest'] as const)(
    'is given all of another subscription that says resync, beside one that says %s',
    async (slowConsumer) => {
      await using arranged = await arrange(slowConsumer);
      const { gateway, slow, slowConnection, metrics } = arranged;
      await gateway.subscribe(slowConnection, 'whole');
      await arranged.flood(many, (i) => gateway.multicast('whole', `whole ${i} ${filling}`));
      slow.webSocket.resume();
      const wholes = (): string[] => shortened(slow).filter((message) => message.startsWith('whole'));
      await until(() => wholes().length >= many, { deadlineMs: 20_000 });
      expect(wholes()).toEqual(Array.from({ length: many }, (_, i) => `whole ${i}`));
      const seen = await readOn(arranged, slow);
      expect(numbersIn(seen).at(-1)).toBe(many - 1);
      if (slowConsumer === 'drop-oldest') expect(account(seen).next).toBe(many);
      expect(metrics.counts).toMatchObject({ slowConsumers: 0, resyncs: new Map([['whole', expect.any(Number)]]) });
    },
  );

  it('is told in the same place that events of presence are missing', async () => {
    await using arranged = await arrange('drop-oldest');
    const { broker, slow } = arranged;
    await arranged.flood(many, (i) => broker.presence.enter('feed', { connectionId: `member ${i}` }));
    const seen = await readOn(arranged, slow);
    expect(account(seen).next).toBe(many);
    const notes = seen.flatMap((message, index) => (message === 'presence-gap' ? [seen[index - 1]] : []));
    for (const before of notes) expect(before).toMatch(/^gap \d+$/);
    // What stays of both is in order, and nothing else is missing.
    const events = seen.filter((message) => message.startsWith('presence m')).map((one) => Number(one.split(' ')[2]));
    const holes = events.filter((event, index) => index > 0 && event !== (events[index - 1] ?? 0) + 1);
    expect(holes.length).toBeGreaterThan(0);
    expect(holes).toHaveLength(notes.length);
    expect(events.at(-1)).toBe(many - 1);
  });

  it('is told of a gap, too, of which there was no room to tell', async () => {
    await using arranged = await arrange('drop-oldest');
    const { broker, gateway, slow, slowConnection, metrics } = arranged;
    // All of the outbox is taken by what cannot be dropped.
    let before = -1;
    await until(() => {
      const isFull = slowConnection.bufferedBytes === before;
      for (const length of [1_000, 100, 10, 1]) {
        while (slowConnection.bufferedBytes + length + 4 <= outboxBytes)
          gateway.send(slowConnection, '-'.repeat(length));
      }
      before = slowConnection.bufferedBytes;
      return isFull;
    });
    await gateway.multicast('feed', `0 ${filling}`);
    broker.gap(['feed']);
    await gateway.multicast('feed', `1 ${filling}`);
    expect(metrics.counts.slowConsumers).toBe(0);
    const seen = (await readOn(arranged, slow)).filter((message) => !message.startsWith('-'));
    expect(seen).toEqual(['gap 2', 'gap ?']);
  });

  it.each(['sent', 'replayed'])('is closed when what is %s to it alone does not fit', async (how) => {
    await using arranged = await arrange('drop-oldest');
    const { gateway, slowConnection } = arranged;
    await arranged.flood();
    const past = { subscription: 'feed', data: Buffer.from(filling), kind: 'text', exclude: [] } as const;
    for (let i = 0; slowConnection.open; i++) {
      expect(i).toBeLessThan(1_000);
      if (how === 'sent') gateway.send(slowConnection, filling);
      else gateway.replay(slowConnection, [past]);
    }
    expect(arranged.metrics.counts.slowConsumers).toBe(1);
    arranged.slow.webSocket.resume();
    expect((await arranged.slow.closed).code).toBe(1013);
  });
});

describe('a slow consumer of a subscription that says keep-latest', () => {
  it('is given the newest when it reads again, and no word of those before; only that waits meanwhile', async () => {
    await using arranged = await arrange('keep-latest');
    const { slow, plain, metrics } = arranged;
    const most = await arranged.flood();
    expect(most).toBeLessThanOrEqual(mostInFlightBytes + filling.length + 100);
    const seen = await readOn(arranged, slow);
    const numbers = numbersIn(seen);
    expect(seen).toHaveLength(numbers.length);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.at(-1)).toBe(many - 1);
    expect(numbers.length).toBeLessThan(many);
    const dropped = many - numbers.length + many - (plain.unread.length - 1);
    expect(droppedOf(metrics, 'keep-latest')).toBe(dropped);
    expect(metrics.counts).toMatchObject({ slowConsumers: 0, gaps: new Map() });
  });

  it('gets every one while it keeps up, also of a burst', async () => {
    await using arranged = await arrange('keep-latest');
    const { gateway, reader, metrics } = arranged;
    const numbers = Array.from({ length: 100 }, (_, i) => String(i));
    for (let round = 0; round < 3; round++) {
      await Promise.all(numbers.map((number) => gateway.multicast('feed', number)));
      expect(await reader.take(numbers.length)).toEqual(numbers);
    }
    expect(droppedOf(metrics, 'keep-latest')).toBe(0);
  });

  it('is told that events of presence are missing', async () => {
    await using arranged = await arrange('keep-latest');
    const { broker, slow } = arranged;
    const connectionId = 'm'.repeat(20_000);
    await arranged.flood(many, (i) => broker.presence.enter('feed', { connectionId: `${connectionId}${i}` }));
    const seen = await readOn(arranged, slow);
    expect(seen).toContain('presence-gap');
    expect(seen.some((message) => message.startsWith('gap'))).toBe(false);
    expect(numbersIn(seen).at(-1)).toBe(many - 1);
  });
});
