import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/gateway/connection.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import type { SubscriptionRule } from '../../src/gateway/subscription-rules.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { FaultyBroker, unavailable } from '../support/faulty-broker.ts';
import { startGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const filling = 'x'.repeat(50_000);
/** More than the kernel's buffers and the outbox hold. */
const many = 300;
const outboxBytes = 200_000;

interface Arranged extends AsyncDisposable {
  readonly broker: FaultyBroker;
  readonly metrics: Metrics;
  readonly gateway: Gateway;
  /** Reads nothing; has fallen behind after `flood`. */
  readonly slow: TestClient;
  readonly connection: Connection;
  /** Called before a publication is encoded, for anybody. */
  onEncode: ((data: string) => void) | undefined;
  /** Multicasts `many` long publications, numbered from 0; then the slow client has fallen behind. */
  flood(): Promise<void>;
}

async function arrange(rule: Omit<SubscriptionRule, 'pattern'>): Promise<Arranged> {
  const broker = new FaultyBroker();
  const metrics = new Metrics();
  const encoding = {
    name: 'brief',
    publication: ({ data }: { data: Buffer }) => {
      arranged.onEncode?.(data.toString());
      return { kind: 'text' as const, data };
    },
    presence: () => ({ kind: 'text' as const, data: 'presence' }),
    gap: () => ({ kind: 'text' as const, data: 'gap' }),
    presenceGap: () => ({ kind: 'text' as const, data: 'presence-gap' }),
  };
  const started = await startGateway(
    { encoding: () => encoding },
    {
      broker,
      metrics,
      limits: { messageBytes: 1_000, outboxBytes },
      subscriptions: [{ pattern: 'flood', slowConsumer: 'resync', ...rule }],
    },
  );
  const { gateway } = started;
  const slow = await TestClient.open(started.url);
  const [connection] = gateway.connections.values();
  if (connection === undefined) throw new Error('no connection');
  await gateway.subscribe(connection, 'flood');
  slow.webSocket.pause();
  const arranged: Arranged = {
    broker,
    metrics,
    gateway,
    slow,
    connection,
    onEncode: undefined,
    async flood() {
      for (let i = 0; i < many; i++) await gateway.multicast('flood', `${i} ${filling}`);
      await until(() => (metrics.counts.resyncs.get('flood') ?? 0) > 0, { what: 'it has fallen behind' });
    },
    async [Symbol.asyncDispose]() {
      await slow[Symbol.asyncDispose]();
      await started[Symbol.asyncDispose]();
    },
  };
  return arranged;
}

/** Sends, beside the subscription, until the outbox has room for this many bytes, headers included, and for no notice more. */
function fill({ gateway, connection, slow }: Arranged, room = 0): void {
  slow.webSocket.pause();
  for (const length of [50_000, 10_000, 1_000, 100, 10, 1]) {
    const filler = '-'.repeat(length);
    while (connection.bufferedBytes + length + 4 + room <= outboxBytes) gateway.send(connection, filler);
  }
}

const first = (message: string | Buffer): string => message.toString().split(' ')[0] ?? '';
const upTo = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

describe('a slow consumer of a subscription that says resync', () => {
  it('stays, and is given exactly what it missed when it reads again', async () => {
    await using arranged = await arrange({ history: { size: 1_000, ttl: 60 } });
    await arranged.flood();
    expect(arranged.connection.bufferedBytes).toBeLessThanOrEqual(outboxBytes);
    arranged.slow.webSocket.resume();
    // Live ones come in while it catches up.
    for (let i = many; i < many + 20; i++) await arranged.gateway.multicast('flood', String(i));
    expect((await arranged.slow.take(many + 20)).map(first)).toEqual(upTo(many + 20));
    await arranged.gateway.multicast('flood', 'live again');
    expect(await arranged.slow.next()).toBe('live again');
    expect(arranged.metrics.counts).toMatchObject({ slowConsumers: 0, gaps: new Map() });
  });

  it('is told of a gap where there is no history, at the place of the hole', async () => {
    await using arranged = await arrange({});
    await arranged.flood();
    const { gaps } = arranged.metrics.counts;
    arranged.slow.webSocket.resume();
    await until(() => gaps.get('flood')?.get('no-history') === 1);
    await arranged.gateway.multicast('flood', 'after');
    await until(() => arranged.slow.unread.at(-1) === 'after');
    const seen = arranged.slow.unread.map(first);
    expect(seen.slice(-2)).toEqual(['gap', 'after']);
    expect(seen.slice(0, -2)).toEqual(upTo(seen.length - 2));
    expect(seen.length).toBeLessThan(many);
  });

  it('is told of a gap where the history no longer has what it missed', async () => {
    await using arranged = await arrange({ history: { size: 3, ttl: 60 } });
    await arranged.flood();
    arranged.slow.webSocket.resume();
    await until(() => arranged.metrics.counts.gaps.get('flood')?.get('trimmed') === 1);
    await arranged.gateway.multicast('flood', 'after');
    await until(() => arranged.slow.unread.at(-1) === 'after');
    expect(arranged.slow.unread.map(first).slice(-2)).toEqual(['gap', 'after']);
  });

  it.each([
    ['a gap', 'a publication without a position', 'gap'],
    ['a gap of presence', 'an event of presence', 'presence-gap'],
  ])('is told of %s after it has caught up where it missed %s', async (_told, what, notice) => {
    await using arranged = await arrange({ history: { size: 1_000, ttl: 60 } });
    await arranged.flood();
    if (what.startsWith('an event')) {
      await arranged.broker.presence.enter('flood', { connectionId: 'somebody' });
    } else {
      const bare = { subscription: 'flood', data: Buffer.from('bare'), kind: 'text' as const, exclude: [] };
      await arranged.broker.publish(bare);
    }
    await arranged.gateway.multicast('flood', 'last');
    await until(async () => (await arranged.gateway.history('flood', { limit: 0 })).position.offset === many + 1);
    arranged.slow.webSocket.resume();
    const seen = (await arranged.slow.take(many + 2)).map(first);
    expect(seen).toEqual([...upTo(many), 'last', notice]);
  });

  it.each([
    ['the hole', 'gap', 3],
    ['what was in no history', 'gap', 1_000],
    ['presence', 'presence-gap', 1_000],
  ])('is told of %s also when there was no room for even that (%s)', async (what, notice, size) => {
    await using arranged = await arrange({ history: { size, ttl: 60 } });
    const { broker, gateway, slow, metrics } = arranged;
    await arranged.flood();
    let fills = 0;
    if (what === 'the hole') {
      broker.afterRead = (_name, page) => {
        if (page.lost === undefined && page.publications[0]?.position === undefined) return;
        if (fills++ < 3) fill(arranged);
      };
    } else {
      if (what === 'presence') {
        await broker.presence.enter('flood', { connectionId: 'somebody' });
      } else {
        await broker.publish({ subscription: 'flood', data: Buffer.from('bare'), kind: 'text', exclude: [] });
      }
      await gateway.multicast('flood', 'last');
      arranged.onEncode = (data) => {
        if (data === 'last' && fills++ === 0) fill(arranged, 'last'.length + 2);
      };
    }
    slow.webSocket.resume();
    await until(() => {
      // It was paused while the outbox was filled.
      slow.webSocket.resume();
      return slow.unread.includes(notice);
    });
    expect(fills).toBeGreaterThan(0);
    await gateway.multicast('flood', 'after');
    await until(() => slow.unread.at(-1) === 'after');
    const seen = slow.unread.map(first).filter((message) => !message.startsWith('-'));
    const told = what === 'the hole' ? upTo(seen.indexOf(notice)) : [...upTo(many), 'last'];
    expect(seen.slice(0, told.length + 1)).toEqual([...told, notice]);
    expect(seen.at(-1)).toBe('after');
    expect(seen.filter((message) => message === notice)).toHaveLength(1);
    const reason = what === 'the hole' ? 'trimmed' : 'no-history';
    expect([...(metrics.counts.gaps.get('flood') ?? [])]).toEqual(notice === 'gap' ? [[reason, 1]] : []);
    expect(metrics.counts.slowConsumers).toBe(0);
  });

  it('waits for its history while that cannot be read', async () => {
    await using arranged = await arrange({ history: { size: 1_000, ttl: 60 } });
    await arranged.flood();
    let failures = 0;
    arranged.broker.beforeRead = () => {
      if (++failures < 3) unavailable();
    };
    arranged.slow.webSocket.resume();
    expect((await arranged.slow.take(many)).map(first)).toEqual(upTo(many));
    expect(failures).toBeGreaterThanOrEqual(3);
  });

  it('is followed no longer when it leaves, and comes back as anybody else', async () => {
    await using arranged = await arrange({ history: { size: 1_000, ttl: 60 } });
    await arranged.flood();
    arranged.gateway.unsubscribe(arranged.connection, 'flood');
    expect(arranged.metrics.counts).toMatchObject({ subscribers: 0, subscriptions: 0 });
    await arranged.gateway.subscribe(arranged.connection, 'flood');
    arranged.slow.webSocket.resume();
    await until(() => arranged.connection.bufferedBytes === 0);
    await arranged.gateway.multicast('flood', 'after');
    await until(() => arranged.slow.unread.at(-1) === 'after');
    const seen = arranged.slow.unread.map(first);
    expect(seen.slice(0, -1)).toEqual(upTo(seen.length - 1));
    expect(seen.length).toBeLessThan(many);
  });

  it('is gone without a trace when its connection ends meanwhile', async () => {
    await using arranged = await arrange({ history: { size: 1_000, ttl: 60 } });
    await arranged.flood();
    arranged.slow.webSocket.terminate();
    await until(() => arranged.gateway.connections.size === 0);
    expect(arranged.metrics.counts).toMatchObject({ subscribers: 0, subscriptions: 0, slowConsumers: 0 });
    await arranged.gateway.multicast('flood', 'nobody is there');
  });

  it('is closed when something else than that subscription overflows its outbox', async () => {
    await using arranged = await arrange({});
    await arranged.flood();
    for (let i = 0; arranged.gateway.send(arranged.connection, filling); i++) expect(i).toBeLessThan(1_000);
    expect(arranged.metrics.counts.slowConsumers).toBe(1);
  });
});
