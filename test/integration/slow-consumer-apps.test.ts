import { appendFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ChatPosition, ServerMessage } from '../../src/apps/chat/chat-protocol.ts';
import type { LinesPosition } from '../../src/apps/log-view/log-view-protocol.ts';
import type { SlowConsumerPolicy } from '../../src/gateway/subscription-rules.ts';
import { ChatClient } from '../support/chat-client.ts';
import { LogViewClient } from '../support/log-view-client.ts';
import { startChat } from '../support/start-chat.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const filling = 'x'.repeat(50_000);
/** More than the kernel's buffers and the outbox hold. */
const many = 300;
const outboxBytes = 1_000_000;
const history = { size: 1_000, ttl: 600 };

interface Room extends AsyncDisposable {
  readonly slow: ChatClient;
  readonly slowPlain: TestClient;
  /** Says numbers, each when somebody who reads has heard the one before. */
  flood(): Promise<void>;
  /** Has the slow clients read on, up to a last message. @returns what the JSON client was told */
  readOn(): Promise<readonly ServerMessage[]>;
}

async function enter(url: string): Promise<Room> {
  const speaker = await TestClient.open(url);
  const reader = await TestClient.open(url);
  const slow = await ChatClient.open(url);
  const slowPlain = await TestClient.open(url);
  // Everybody is in the room when all have heard the same.
  await slow.nextOf('join');
  speaker.send('begin');
  await slow.nextOf('message');
  for (const client of [reader, slowPlain]) expect(await client.next()).toBe('127.0.0.1: begin');
  for (const { webSocket } of [slow.client, slowPlain]) webSocket.pause();
  return {
    slow,
    slowPlain,
    async flood() {
      for (let i = 0; i < many; i++) {
        speaker.send(`${i} ${filling}`);
        expect(await reader.next()).toBe(`127.0.0.1: ${i} ${filling}`);
      }
    },
    async readOn() {
      for (const { webSocket } of [slow.client, slowPlain]) webSocket.resume();
      const messages: ServerMessage[] = [];
      // Again and again: what is said while they are behind may be dropped as well.
      const end = setInterval(() => speaker.send('end'), 50);
      try {
        while (messages.at(-1)?.type !== 'message' || textOf(messages.at(-1)) !== 'end')
          messages.push(await slow.next());
        await until(() => slowPlain.unread.at(-1) === '127.0.0.1: end');
      } finally {
        clearInterval(end);
      }
      return messages;
    },
    async [Symbol.asyncDispose]() {
      for (const client of [speaker, reader, slow, slowPlain]) await client[Symbol.asyncDispose]();
    },
  };
}

function textOf(message: ServerMessage | undefined): string {
  return message?.type === 'message' ? message.text : '';
}

/** Goes through what a client was told from a place on; each offset has to have come or be told to be missing. */
function missedOf(
  begin: number,
  messages: readonly {
    readonly type: string;
    readonly missed?: number;
    readonly position?: ChatPosition | LinesPosition;
  }[],
): number {
  let place = begin;
  let missed = 0;
  for (const message of messages) {
    if (message.type === 'gap') {
      expect(message.missed).toBeGreaterThan(0);
      missed += message.missed ?? 0;
      place += message.missed ?? 0;
    } else if (message.position !== undefined) {
      expect(message.position.offset).toBe(++place);
    }
  }
  return missed;
}

/** The numbers that plain clients saw. */
function numbersOf({ unread }: TestClient): number[] {
  return unread.flatMap((message) => /^127\.0\.0\.1: (\d+) /.exec(message.toString())?.slice(1).map(Number) ?? []);
}

/** Workers tell their figures once a second. */
async function counted(product: Product, series: string, count: number): Promise<void> {
  await until(async () => (await product.metric(series)) === count, { what: `${series} ${count}` });
}

function dropped(rule: string, policy: SlowConsumerPolicy): string {
  return `carillon_dropped_total{rule="${rule}",policy="${policy}"}`;
}

describe('a room whose rule says drop-oldest', () => {
  it('tells JSON clients what they missed, and that news of who is here is missing', async () => {
    const rule = { pattern: '/chat', history, slowConsumer: 'drop-oldest' } as const;
    await using started = await startChat({ urls: ['/chat'], limits: { outboxBytes } }, undefined, [rule]);
    const [worker] = started.workers;
    await using room = await enter(`${worker.origin}/chat`);
    // Somebody comes and goes at the beginning of what will be dropped, and again at the end.
    for (let i = 0; i < 2; i++) {
      await room.flood();
      await using visitor = await ChatClient.open(`${worker.origin}/chat`, 'Visitor');
      await until(() => visitor.welcome.members.length === 5);
    }
    const messages = await room.readOn();
    const begin = room.slow.welcome.position?.offset ?? 0;
    const missed = missedOf(begin + 1, messages);
    expect(missed).toBeGreaterThan(many);
    const hole = messages.findIndex(({ type }) => type === 'stale') - 1;
    expect(messages[hole]?.type).toBe('gap');
    expect(messages.slice(hole).filter(({ type }) => type === 'join')).toHaveLength(1);
    const numbers = numbersOf(room.slowPlain);
    expect(numbers.at(-1)).toBe(many - 1);
    expect(room.slowPlain.unread.every((message) => message.toString().startsWith('127.0.0.1: '))).toBe(true);
  });
});

describe('the product with a policy for its rooms', () => {
  async function open(
    slowConsumer: SlowConsumerPolicy,
    rules: Readonly<Record<string, unknown>> = {},
  ): Promise<Product> {
    return await startProduct({
      workers: 0,
      subscriptions: [{ pattern: '/chat', history, ...rules }],
      apps: { chat: { urls: ['/chat'], slowConsumer, limits: { outboxBytes } } },
    });
  }

  it('tells slow clients how many messages they missed: drop-oldest', async () => {
    await using product = await open('drop-oldest');
    await using room = await enter(product.socketUrl('/chat'));
    await room.flood();
    const messages = await room.readOn();
    const missed = missedOf((room.slow.welcome.position?.offset ?? 0) + 1, messages);
    expect(missed).toBeGreaterThan(0);
    const missedByPlain = many - numbersOf(room.slowPlain).length;
    await counted(product, dropped('/chat', 'drop-oldest'), missed + missedByPlain);
    const notes = messages.filter(({ type }) => type === 'gap').length;
    await counted(product, 'carillon_gaps_total{rule="/chat",reason="dropped"}', notes);
    await counted(product, 'carillon_slow_consumers_total', 0);
  });

  it('gives slow clients the newest: keep-latest, which a rule says against the app', async () => {
    await using product = await open('disconnect', { slowConsumer: 'keep-latest' });
    await using room = await enter(product.socketUrl('/chat'));
    await room.flood();
    const messages = await room.readOn();
    expect(messages.filter(({ type }) => type === 'gap')).toEqual([]);
    const numbers = messages
      .map(textOf)
      .filter((text) => /^\d/.test(text))
      .map((text) => Number.parseInt(text, 10));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.length).toBeLessThan(many);
    // What was said before its time to end may have been replaced, too.
    const series = dropped('/chat', 'keep-latest');
    await until(
      async () => (await product.metric(series)) >= 2 * many - numbers.length - numbersOf(room.slowPlain).length,
    );
  });

  it('gives slow clients everything later: resync', async () => {
    await using product = await open('resync');
    await using room = await enter(product.socketUrl('/chat'));
    await room.flood();
    const messages = await room.readOn();
    expect(missedOf((room.slow.welcome.position?.offset ?? 0) + 1, messages)).toBe(0);
    await counted(product, 'carillon_resyncs_total{rule="/chat"}', 2);
  });

  it('closes slow clients: disconnect', async () => {
    await using product = await open('disconnect');
    await using room = await enter(product.socketUrl('/chat'));
    await room.flood();
    room.slow.client.webSocket.resume();
    expect((await room.slow.client.closed).code).toBe(1013);
  });
});

describe('the product with a policy for logs', () => {
  it('tells slow viewers how many messages with lines they missed', async () => {
    await using folder = await temporaryFolder({ 'app.log': '' });
    const log = folder.file('app.log');
    await using product = await startProduct({
      workers: 0,
      apps: {
        'log-view': {
          urls: ['/logs'],
          auth: { type: 'loopback' },
          refresh: 20,
          logs: { app: log },
          slowConsumer: 'drop-oldest',
          limits: { outboxBytes },
        },
      },
    });
    const url = product.socketUrl('/logs?log=app');
    await using reader = await LogViewClient.open(url);
    await using slow = await LogViewClient.open(url);
    const { position } = await slow.of('opened');
    await reader.of('opened');
    slow.client.webSocket.pause();
    for (let i = 0; i < many; i++) {
      appendFileSync(log, `${i} ${filling}\n`);
      await until(() => reader.lines.length > i, { everyMs: 1 });
    }
    slow.client.webSocket.resume();
    // Again and again: what comes while it is behind may be dropped as well.
    for (let i = many; slow.lines.at(-1) !== 'end'; i++) {
      appendFileSync(log, 'end\n');
      await until(() => reader.lines.length > i);
    }
    const after = slow.messages.findIndex(({ type }) => type === 'opened') + 1;
    const missed = missedOf(position?.offset ?? 0, slow.messages.slice(after));
    expect(missed).toBeGreaterThan(0);
    await counted(product, dropped('log:*', 'drop-oldest'), missed);
  });
});
