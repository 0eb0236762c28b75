import { describe, expect, it } from 'vitest';
import type { ChatPosition } from '../../src/apps/chat/chat-protocol.ts';
import { ChatClient } from '../support/chat-client.ts';
import { ReturningChatClient } from '../support/returning-chat-client.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { startChat, type StartedChat } from '../support/start-chat.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** @param size of the history; 0: none */
function startRoom(size: number, outboxBytes?: number): Promise<StartedChat> {
  const options = { urls: ['/chat'], ...(outboxBytes === undefined ? {} : { limits: { outboxBytes } }) };
  return startChat(options, undefined, [{ pattern: '/chat', history: size === 0 ? false : { size, ttl: 600 } }]);
}

async function say(client: ChatClient, ...texts: readonly string[]): Promise<ChatPosition[]> {
  const positions: ChatPosition[] = [];
  for (const text of texts) {
    client.send({ type: 'message', text });
    const { position } = await client.nextOf('sent');
    if (position !== undefined) positions.push(position);
  }
  return positions;
}

const textsOf = (messages: readonly object[]): unknown[] =>
  messages.flatMap((message) => ('text' in message ? [message.text] : []));

describe('a room with history', () => {
  it('tells clients where they are, with every message', async () => {
    await using chat = await startRoom(10);
    const [one, two] = chat.workers;
    await using anna = await ChatClient.open(`${one.origin}/chat`, 'Anna');
    await using ben = await ChatClient.open(`${two.origin}/chat`, 'Ben');
    const epoch = anna.welcome.position?.epoch;
    expect(anna.welcome).toMatchObject({ position: { epoch, offset: 0 }, history: [] });
    expect(anna.welcome.recovered).toBeUndefined();
    expect(await say(anna, 'one', 'two')).toEqual([
      { epoch, offset: 1 },
      { epoch, offset: 2 },
    ]);
    expect(await ben.nextOf('message')).toMatchObject({ text: 'one', position: { epoch, offset: 1 } });
    expect(await ben.nextOf('message')).toMatchObject({ text: 'two', position: { epoch, offset: 2 } });
  });

  it('shows its last messages to whoever comes in, and to plain clients nothing of the past', async () => {
    await using chat = await startRoom(100);
    const [one, two] = chat.workers;
    await using anna = await ChatClient.open(`${one.origin}/chat`, 'Anna');
    await say(anna, ...Array.from({ length: 60 }, (_, index) => `line ${index + 1}`));
    await one.gateway.multicast('/chat', 'from a shell');
    await using ben = await ChatClient.open(`${two.origin}/chat`);
    const { history = [], position } = ben.welcome;
    expect(textsOf(history)).toEqual([
      ...Array.from({ length: 49 }, (_, index) => `line ${index + 12}`),
      'from a shell',
    ]);
    expect(history[0]).toMatchObject({ type: 'message', from: anna.self, at: expect.stringMatching(/Z$/) });
    expect(history.at(-1)).toMatchObject({ from: null, at: null, position });
    expect(ben.early.filter(({ type }) => type === 'message')).toEqual([]);
    await using plain = await TestClient.open(`${two.origin}/chat`);
    await until(async () => (await one.gateway.presence('/chat', 10)).members.length === 3);
    await say(anna, 'now');
    expect(await plain.next()).toBe('127.0.0.1: now');
    expect(await ben.nextOf('message')).toMatchObject({ text: 'now' });
  });

  it('gives a client that comes back what it missed, its own messages included, before anything newer', async () => {
    await using chat = await startRoom(10);
    const [one, two] = chat.workers;
    await using anna = await ChatClient.open(`${one.origin}/chat`, 'Anna');
    const ben = await ChatClient.open(`${two.origin}/chat`, 'Ben');
    await say(anna, 'one');
    const { position } = await ben.nextOf('message');
    ben.send({ type: 'message', text: 'mine', id: 'b1' });
    await anna.nextOf('message');
    await ben[Symbol.asyncDispose]();
    await say(anna, 'two', 'three');
    await using again = await ChatClient.open(`${one.origin}/chat`, 'Ben', position);
    expect(again.welcome).toMatchObject({ recovered: true, position: { offset: 4 } });
    expect(again.welcome.history).toBeUndefined();
    expect(again.early).toMatchObject([
      { type: 'message', text: 'mine', id: 'b1', from: { id: ben.welcome.id }, position: { offset: 2 } },
      { type: 'message', text: 'two', position: { offset: 3 } },
      { type: 'message', text: 'three', position: { offset: 4 } },
    ]);
    await say(anna, 'four');
    expect(await again.texts(4)).toEqual(['mine', 'two', 'three', 'four']);
  });

  it('has nothing to give to a client that missed nothing', async () => {
    await using chat = await startRoom(10);
    const url = `${chat.workers[0].origin}/chat`;
    await using anna = await ChatClient.open(url);
    const [position] = await say(anna, 'one');
    await using again = await ChatClient.open(url, undefined, position);
    expect(again.welcome).toMatchObject({ recovered: true, position });
    expect(again.early).toEqual([]);
  });

  it('says why a client cannot be given what it missed, and shows it the last messages', async () => {
    await using chat = await startRoom(3);
    const url = `${chat.workers[0].origin}/chat`;
    await using anna = await ChatClient.open(url);
    const [first] = await say(anna, 'one', 'two', 'three', 'four', 'five');
    const epoch = first?.epoch ?? '';
    await using late = await ChatClient.open(url, undefined, first);
    expect(late.welcome).toMatchObject({ recovered: false, reason: 'trimmed', position: { epoch, offset: 5 } });
    expect(textsOf(late.welcome.history ?? [])).toEqual(['three', 'four', 'five']);
    await using stranger = await ChatClient.open(url, undefined, { epoch: 'another', offset: 4 });
    expect(stranger.welcome).toMatchObject({ recovered: false, reason: 'epoch', position: { epoch, offset: 5 } });
    expect(textsOf(stranger.welcome.history ?? [])).toEqual(['three', 'four', 'five']);
    await say(anna, 'six');
    expect(await late.texts(1)).toEqual(['six']);
    expect(await stranger.texts(1)).toEqual(['six']);
  });

  it('does not give a client more than its outbox takes, and says so', async () => {
    await using chat = await startRoom(100, 100_000);
    const url = `${chat.workers[0].origin}/chat`;
    await using anna = await ChatClient.open(url);
    const { position } = anna.welcome;
    await say(anna, ...Array.from({ length: 4 }, (_, index) => String(index).repeat(20_000)));
    await using late = await ChatClient.open(url, undefined, position);
    expect(late.welcome).toMatchObject({ recovered: false, reason: 'too-many', history: { length: 4 } });
    expect(late.early).toEqual([]);
    await using better = await ChatClient.open(url, undefined, { epoch: position?.epoch ?? '', offset: 2 });
    expect(better.welcome.recovered).toBe(true);
    expect(better.early).toHaveLength(2);
  });

  it('lets a client in whose place cannot be read, and tells it so', async () => {
    await using chat = await startRoom(10);
    const url = `${chat.workers[0].origin}/chat`;
    await using anna = await ChatClient.open(url);
    await say(anna, 'one');
    await using odd = await ChatClient.open(url, undefined, { epoch: '', offset: 1 });
    expect(odd.welcome.recovered).toBeUndefined();
    expect(textsOf(odd.welcome.history ?? [])).toEqual(['one']);
    expect(await odd.nextOf('error')).toMatchObject({ code: 'bad-field', field: 'since', ref: null });
  });

  it('loses nothing, doubles nothing and keeps the order for clients that come and go while everybody speaks', async () => {
    const random = seededRandom(20_250_601);
    await using chat = await startRoom(2_000);
    const urls = chat.workers.map(({ origin }) => `${origin}/chat`);
    const anyUrl = (): string => urls[Math.floor(random() * urls.length)] ?? '';
    await using observer = await ChatClient.open(anyUrl());
    const clients = Array.from({ length: 6 }, () => new ReturningChatClient());

    const live = async (client: ReturningChatClient, number: number): Promise<void> => {
      for (let visit = 0; visit < 8; visit++) {
        await client.come(anyUrl());
        for (let step = 0; step < 5; step++) {
          client.say(`${number}.${visit}.${step}`);
          if (random() < 0.7) await client.take();
        }
        if (visit < 7) await client.vanish();
      }
    };
    await Promise.all(clients.map(live));
    const total = 6 * 8 * 5;
    const said = new Set<string>();
    const order: string[] = [];
    while (said.size < total) {
      const [text = ''] = await observer.texts(1);
      // A second time would be a duplicate.
      expect(said).not.toContain(text);
      said.add(text);
      order.push(text);
    }
    for (const client of clients) {
      while (client.heard.length < total - 40 || !client.isConfirmed) await client.take();
      expect(client.recoveries).toEqual(Array.from({ length: 7 }, () => true));
      const offsets = client.heard.map(({ position }) => position?.offset ?? 0);
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
      expect(client.known).toEqual(order);
      await client.vanish();
    }
  });
});

describe('a room without history', () => {
  it('says so to a client that wants to go on from somewhere, and tells no places', async () => {
    await using chat = await startRoom(0);
    const url = `${chat.workers[0].origin}/chat`;
    await using anna = await ChatClient.open(url);
    expect(anna.welcome).not.toHaveProperty('position');
    expect(anna.welcome).not.toHaveProperty('history');
    await using ben = await ChatClient.open(url, undefined, { epoch: 'e', offset: 1 });
    expect(ben.welcome).toMatchObject({ recovered: false, reason: 'no-history' });
    expect(await say(anna, 'one')).toEqual([]);
    expect(await ben.nextOf('message')).not.toHaveProperty('position');
  });
});

describe.each([10, 0])('a message that is sent again, with a history of %d', (size) => {
  it('arrives once, on whichever connection, and is confirmed each time', async () => {
    await using chat = await startRoom(size);
    const [one, two] = chat.workers;
    await using observer = await ChatClient.open(`${two.origin}/chat`);
    const anna = await ChatClient.open(`${one.origin}/chat`);
    anna.send({ type: 'message', text: 'once', id: 'x1', ref: 'a' });
    const first = await anna.nextOf('sent');
    await anna[Symbol.asyncDispose]();
    await using again = await ChatClient.open(`${two.origin}/chat`);
    again.send({ type: 'message', text: 'once', id: 'x1', ref: 'b' });
    expect(await again.nextOf('sent')).toEqual({ ...first, ref: 'b', at: expect.any(String) });
    again.send({ type: 'message', text: 'another', id: 'x2' });
    expect(await observer.nextOf('message')).toMatchObject({ text: 'once', id: 'x1' });
    expect(await observer.nextOf('message')).toMatchObject({ text: 'another', id: 'x2' });
  });
});
