import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Position } from '../../src/broker/broker.ts';
import type { Connection } from '../../src/gateway/connection.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { FaultyBroker, unavailable } from '../support/faulty-broker.ts';
import { seeingEncoding, type Seen } from '../support/recovering-client.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

type Fate = 'ok' | 'lost' | 'twice' | 'late';
type ReadFate = 'ok' | 'slow' | 'fails';

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('subscribe' as const, 'unsubscribe' as const, 'reconnect' as const),
      client: fc.nat(2),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('gap' as const, 'release' as const, 'turn' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('bare' as const, 'lose histories' as const, 'begin generation' as const),
    }),
  },
);
const scenario = fc.record({
  size: fc.constantFrom(1, 3, 10, 1_000),
  patienceMs: fc.constantFrom(1, 60_000),
  most: fc.constantFrom(5, 1_000),
  fates: fc.array(fc.constantFrom<Fate>('ok', 'ok', 'ok', 'lost', 'twice', 'late'), { minLength: 1 }),
  reads: fc.array(fc.constantFrom<ReadFate>('ok', 'ok', 'ok', 'slow', 'fails'), { minLength: 1 }),
  steps: fc.array(step, { minLength: 5, maxLength: 60 }),
  /** What tells those that are behind at the end. */
  end: fc.constantFrom('a publication', 'the broker'),
});

type Heard = Seen | { readonly type: 'asked'; readonly since: Position | null } | { readonly type: 'left' };

/** One person behind one connection after another, who writes down what each was sent. */
class Person {
  readonly sessions: Heard[][] = [];
  readonly #started: StartedGateway;
  #client: TestClient | undefined;
  #connection: Connection | undefined;
  #subscribing: Promise<void> | undefined;

  constructor(started: StartedGateway) {
    this.#started = started;
  }

  /** Where it has got to, by what has reached it. */
  get place(): Position | undefined {
    for (const session of this.sessions.toReversed()) {
      for (const heard of session.toReversed())
        if ((heard.type === 'publication' || heard.type === 'subscribed') && heard.position !== undefined)
          return heard.position;
    }
    return undefined;
  }

  async connect(): Promise<void> {
    this.#client?.webSocket.terminate();
    await this.#client?.closed;
    const { gateway, url } = this.#started;
    const before = new Set(gateway.connections.keys());
    const client = await TestClient.open(url);
    this.#connection = [...gateway.connections.values()].find(({ id }) => !before.has(id));
    this.#client = client;
    const session: Heard[] = [];
    this.sessions.push(session);
    client.webSocket.on('message', (data) => session.push(JSON.parse((data as Buffer).toString()) as Heard));
  }

  /** Until it is subscribed, its connection is gone, or the broker says no. */
  subscribe(): void {
    const before = this.#subscribing;
    const connection = this.#connection;
    if (connection === undefined || connection.subscriptions?.has('news') === true) return;
    const since = this.place;
    this.#subscribing = this.#subscribe(connection, since, before);
  }

  async settled(): Promise<void> {
    await this.#subscribing;
  }

  unsubscribe(): void {
    const { gateway } = this.#started;
    if (this.#connection?.subscriptions?.has('news') !== true) return;
    gateway.unsubscribe(this.#connection, 'news');
    gateway.send(this.#connection, JSON.stringify({ type: 'left' }));
  }

  get isSubscribed(): boolean {
    return this.#connection?.subscriptions?.has('news') === true;
  }

  async close(): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
  }

  async #subscribe(
    connection: Connection,
    since: Position | undefined,
    before: Promise<void> | undefined,
  ): Promise<void> {
    const { gateway } = this.#started;
    const asked = gateway.subscribe(connection, 'news', since === undefined ? {} : { since }).then(
      (subscribed) => {
        if (subscribed === undefined) return;
        const { publications, ...answer } = subscribed;
        gateway.send(connection, JSON.stringify({ type: 'asked', since: since ?? null }));
        gateway.send(connection, JSON.stringify({ type: 'subscribed', ...answer }));
        for (const one of publications) {
          const { data } = seeingEncoding.publication(one) ?? { data: '' };
          gateway.send(connection, data, 'text');
        }
      },
      () => {},
    );
    await before;
    await asked;
  }
}

/** What a session may not contain: a hole, a repetition or a confusion that nobody was told of. */
function check(
  session: readonly Heard[],
  published: ReadonlyMap<string, string>,
  histories: ReadonlyMap<string, number>,
): void {
  // Offsets count on in a history that goes on under another epoch.
  const counted = ({ epoch, offset }: Position): unknown => ({ history: histories.get(epoch), offset });
  let isIn = false;
  let since: Position | null = null;
  // undefined: after a gap, anything that is further on may come.
  let place: Position | undefined;
  let newest: Position | undefined;
  for (const heard of session) {
    switch (heard.type) {
      case 'asked':
        ({ since } = heard);
        break;
      case 'subscribed':
        isIn = true;
        if (heard.recovered) expect(since).not.toBeNull();
        else expect(heard.reason === undefined).toBe(since === null);
        place = heard.recovered ? (since ?? undefined) : heard.position;
        newest = undefined;
        break;
      case 'left':
        isIn = false;
        break;
      case 'gap':
        newest = place ?? newest;
        place = undefined;
        break;
      case 'publication': {
        expect(isIn, 'is subscribed').toBe(true);
        const { position } = heard;
        if (position === undefined) break;
        expect(published.get(`${position.epoch} ${position.offset}`)).toBe(heard.data);
        if (place !== undefined) expect(counted(position)).toEqual(counted({ ...place, offset: place.offset + 1 }));
        else if (newest !== undefined && histories.get(newest.epoch) === histories.get(position.epoch))
          expect(position.offset).toBeGreaterThan(newest.offset);
        place = position;
        break;
      }
    }
  }
}

/** Whether it has got that far, or was told that it has missed something before. */
function hasGotTo(
  session: readonly Heard[],
  { epoch, offset }: Position,
  histories: ReadonlyMap<string, number>,
): boolean {
  for (const heard of session.toReversed()) {
    if (heard.type === 'gap') return true;
    if (heard.type !== 'publication' && heard.type !== 'subscribed') continue;
    if (heard.position !== undefined) {
      const isSame = histories.get(heard.position.epoch) === histories.get(epoch);
      return isSame && heard.position.offset >= offset;
    }
  }
  return false;
}

describe('what a client is given, live and recovered', () => {
  it('is exactly consecutive or interrupted by a word about it, whatever happens to deliveries and reads', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ size, patienceMs, most, fates, reads, steps, end }) => {
        const broker = new FaultyBroker();
        await using started = await startGateway(
          { encoding: () => seeingEncoding },
          {
            broker,
            metrics: new Metrics(),
            subscriptions: [{ pattern: 'news', history: { size, ttl: 60 } }],
            recovery: { publications: most, bytes: 1_000_000, patienceMs },
          },
        );
        const { gateway } = started;
        const published = new Map<string, string>();
        let count = 0;
        const publish = async (): Promise<string> => {
          const data = String(++count);
          const position = await gateway.multicast('news', data);
          if (position !== undefined) published.set(`${position.epoch} ${position.offset}`, data);
          return data;
        };
        const late: (() => void)[] = [];
        let fate = 0;
        broker.onDeliver = (publication, deliver) => {
          const what = fates[fate++ % fates.length];
          if (what === 'late') late.push(() => deliver(publication));
          if (what === 'ok' || what === 'twice') deliver(publication);
          if (what === 'twice') deliver(publication);
        };
        let read = 0;
        broker.beforeRead = () => {
          if (reads[read++ % reads.length] === 'fails') unavailable();
        };
        broker.afterRead = async () => {
          if (reads[read % reads.length] !== 'slow') return;
          for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
        };
        const people = [new Person(started), new Person(started), new Person(started)] as const;
        for (const person of people) await person.connect();
        const pending: Promise<unknown>[] = [];
        for (const one of steps) {
          switch (one.do) {
            case 'publish':
              for (let i = 0; i < one.count; i++) pending.push(publish());
              break;
            case 'subscribe':
              people[one.client]?.subscribe();
              break;
            case 'unsubscribe':
              people[one.client]?.unsubscribe();
              break;
            case 'reconnect':
              await people[one.client]?.connect();
              break;
            case 'gap':
              broker.gap(['news']);
              break;
            case 'release':
              for (const deliver of late.splice(0).toReversed()) deliver();
              break;
            case 'bare':
              pending.push(
                broker.publish({ subscription: 'news', data: Buffer.from('bare'), kind: 'text', exclude: [] }),
              );
              break;
            case 'lose histories':
              await Promise.all(pending.splice(0));
              await broker.restartEmpty();
              break;
            case 'begin generation':
              await Promise.all(pending.splice(0));
              await broker.beginGeneration('news');
              break;
            case 'turn':
              await new Promise((resolve) => setImmediate(resolve));
              break;
            case 'settle':
              await Promise.all(pending.splice(0));
              for (const person of people) await person.settled();
          }
        }
        // Everything is well again: whoever is subscribed gets to the end.
        broker.onDeliver = undefined;
        broker.beforeRead = undefined;
        broker.afterRead = undefined;
        for (const deliver of late.splice(0)) deliver();
        await Promise.all(pending);
        for (const person of people) {
          await person.settled();
          if (!person.isSubscribed) person.subscribe();
          await person.settled();
        }
        if (end === 'the broker') broker.gap(['news']);
        else await publish();
        const { position } = await gateway.history('news', { limit: 0 });
        await until(() => people.every(({ sessions }) => hasGotTo(sessions.at(-1) ?? [], position, broker.histories)), {
          everyMs: 1,
          what: 'everybody has got to the end',
        });
        for (const person of people) {
          for (const session of person.sessions) check(session, published, broker.histories);
          await person.close();
        }
      }),
      { numRuns: Number(process.env['CARILLON_TEST_RUNS'] ?? 60) },
    );
  }, 120_000);
});
