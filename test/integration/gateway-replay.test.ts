import { describe, expect, it } from 'vitest';
import type { Publication } from '../../src/broker/broker.ts';
import type { Connection } from '../../src/gateway/connection.ts';
import type { Message } from '../../src/gateway/encoding.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';

const text = (data: string): Message => ({ data, kind: 'text' });
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

/** Encodings that say of each publication how they show it, and how often they were asked. */
class Site implements AsyncDisposable {
  recalled = 0;
  readonly #started: StartedGateway;

  private constructor(started: StartedGateway) {
    this.#started = started;
  }

  static async open(): Promise<Site> {
    const encoding = {
      name: 'tenses',
      publication: ({ data }: Publication) => text(`is ${data.toString()}`),
      recalled: ({ data }: Publication) => {
        site.recalled++;
        return data.toString() === 'secret' ? undefined : text(`was ${data.toString()}`);
      },
    };
    const started = await startGateway(
      { encoding: () => encoding },
      {
        limits: { messageBytes: 1_000, outboxBytes: 1_000_000 },
        subscriptions: [{ pattern: 'news', history: { size: 10_000, ttl: 60 } }],
      },
    );
    const site = new Site(started);
    return site;
  }

  get gateway(): Gateway {
    return this.#started.gateway;
  }

  async connect(): Promise<{ client: TestClient; connection: Connection }> {
    const client = await TestClient.open(this.#started.url);
    const connection = [...this.gateway.connections.values()].at(-1);
    if (connection === undefined) throw new Error('no connection');
    return { client, connection };
  }

  async say(...data: readonly string[]): Promise<void> {
    for (const one of data) await this.gateway.multicast('news', one);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started[Symbol.asyncDispose]();
  }
}

describe('replay', () => {
  it('sends what was missed in order and before what is live, encoded once for all that come back together', async () => {
    await using site = await Site.open();
    const { gateway } = site;
    const { position: start } = await gateway.history('news', { limit: 0 });
    await site.say(...numbers(1, 1_500), 'secret');
    const arrivals = await Promise.all(Array.from({ length: 20 }, () => site.connect()));
    const connections = [...gateway.connections.values()];
    // They have not all missed the same.
    const returns = connections.map(async (connection, i) => {
      const subscribed = await gateway.subscribe(connection, 'news', { since: { ...start, offset: i } });
      expect(gateway.replay(connection, subscribed?.publications ?? [])).toBe(true);
    });
    await site.say('live');
    await Promise.all(returns);
    await site.say('the last');
    const seen = await Promise.all(
      arrivals.map(async ({ client }) => {
        const messages: string[] = [];
        while (messages.at(-1) !== 'is the last') messages.push(String(await client.next()));
        return messages;
      }),
    );
    const skipped = seen.map((messages) => 1_500 - messages.filter((message) => /^was \d+$/.test(message)).length);
    expect(skipped.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    for (const [i, messages] of seen.entries()) {
      const past = [...numbers((skipped[i] ?? 0) + 1, 1_500)].map((number) => `was ${number}`);
      expect(messages.slice(0, past.length)).toEqual(past);
      expect(messages.slice(past.length)).toEqual([expect.stringMatching(/^(was|is) live$/), 'is the last']);
    }
    // Three readings at most: those who came before, with and after the live one.
    expect(site.recalled).toBeLessThanOrEqual(3 * 1_502);
    for (const { client } of arrivals) await client[Symbol.asyncDispose]();
  });

  it('sends nothing where it would be more than the limit', async () => {
    await using site = await Site.open();
    const { gateway } = site;
    const { position: since } = await gateway.history('news', { limit: 0 });
    await site.say('1', '2');
    const { client, connection } = await site.connect();
    const publications = (await gateway.subscribe(connection, 'news', { since }))?.publications ?? [];
    // A frame has two bytes of header here.
    expect(gateway.replay(connection, publications, 2 * ('was 1'.length + 2) - 1)).toBe(false);
    expect(gateway.replay(connection, publications, 2 * ('was 1'.length + 2))).toBe(true);
    expect(await client.take(2)).toEqual(['was 1', 'was 2']);
    expect(client.unread).toEqual([]);
    await client[Symbol.asyncDispose]();
  });
});
