import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { HistoryPage, Position, Publication, PublishOptions } from '../../src/broker/broker.ts';
import { decodePayload } from '../../src/broker/redis/payload-codec.ts';
import { RedisHistory } from '../../src/broker/redis/redis-history.ts';
import { RedisPublish } from '../../src/broker/redis/redis-publish.ts';
import { textPublication } from '../support/broker-cluster.ts';
import { redisContext } from '../support/redis-client-commands.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const room = '/websocket/chat';
const rule = { size: 100, ttl: 60 };

interface Rig extends AsyncDisposable {
  readonly server: RedisServer;
  readonly history: RedisHistory;
  readonly problems: string[];
  publish(text: string, options?: PublishOptions): Promise<Position | undefined>;
  keys(): Promise<string[]>;
}

async function rig(): Promise<Rig> {
  const server = await startRedis();
  const problems: string[] = [];
  const context = redisContext(server.admin, problems);
  const publisher = new RedisPublish(context);
  return {
    server,
    history: new RedisHistory(context),
    problems,
    publish: (text, options = { history: rule }) => publisher.publish(textPublication(room, text), options),
    keys: async () => (await server.admin.keys('*')).toSorted(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function texts({ publications }: HistoryPage): string[] {
  return publications.map(({ data }) => data.toString());
}

describe('the history in Redis', () => {
  it('publishes with the position what it appends', async () => {
    await using one = await rig();
    const { server, history, publish } = one;
    const subscriber = new Redis(server.port, { lazyConnect: true });
    const received: Publication[] = [];
    subscriber.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      const payload = decodePayload(channel.toString(), message);
      if (payload.type === 'publication') received.push(payload.publication);
    });
    await subscriber.subscribe(room);
    const context = redisContext(server.admin);
    const publications: Publication[] = [
      textPublication(room, 'bare'),
      textPublication(room, ''),
      { ...textPublication(room, 'x'), exclude: ['a', 'b'], info: '{"nick":"ä"}' },
      { ...textPublication(room, 'looks like text'), kind: 'binary' },
      { subscription: room, data: Buffer.from([0xff, 0, 1, 0xff]), kind: 'binary', exclude: [] },
    ];
    const positions: (Position | undefined)[] = [];
    for (const each of publications) positions.push(await new RedisPublish(context).publish(each, { history: rule }));
    await until(() => received.length === publications.length, { what: 'all were received' });
    subscriber.disconnect();

    expect(positions.map((position) => position?.offset)).toEqual([1, 2, 3, 4, 5]);
    expect(positions[0]?.epoch).toMatch(/^[0-9a-f]{16}$/);
    expect(received).toEqual(publications.map((each, index) => ({ ...each, position: positions[index] })));
    const page = await history.read(room, { limit: 10 });
    expect(page).toEqual({ publications: received, position: positions[4] });
    expect(one.problems).toEqual([]);
    expect((await publish('6'))?.offset).toBe(6);
  });

  it('counts on exactly where numbers no longer fit in 32 bits', async () => {
    await using one = await rig();
    const first = await one.publish('1');
    const [meta] = redisContext(one.server.admin).names.historyKeys(room);
    await one.server.admin.hset(meta, 'offset', String(2 ** 53 - 3));
    expect(await one.publish('large')).toEqual({ epoch: first?.epoch, offset: 2 ** 53 - 2 });
    const page = await one.history.read(room, { since: { epoch: first?.epoch ?? '', offset: 2 ** 53 - 3 }, limit: 5 });
    expect(page.publications.map(({ position }) => position?.offset)).toEqual([2 ** 53 - 2]);
  });

  it('reads from a position on, forwards and back', async () => {
    await using one = await rig();
    for (let index = 1; index <= 10; index++) await one.publish(String(index), { history: { size: 8, ttl: 60 } });
    const { position } = await one.history.read(room, { limit: 0 });
    const { epoch } = position;
    const read = async (offset: number, limit: number, reverse = false): Promise<string[]> =>
      texts(await one.history.read(room, { since: { epoch, offset }, limit, reverse }));
    expect(position.offset).toBe(10);
    expect(texts(await one.history.read(room, { limit: 100 }))).toEqual(['3', '4', '5', '6', '7', '8', '9', '10']);
    expect(await read(2, 2)).toEqual(['3', '4']);
    expect(await read(10, 100)).toEqual([]);
    expect(await read(6, 100)).toEqual(['7', '8', '9', '10']);
    expect(texts(await one.history.read(room, { limit: 3, reverse: true }))).toEqual(['10', '9', '8']);
    expect(await read(6, 100, true)).toEqual(['5', '4', '3']);
    for (const offset of [3, 1, 0]) expect(await read(offset, 100, true)).toEqual([]);
    expect(await one.history.read(room, { since: { epoch, offset: 1 }, limit: 5 })).toEqual({
      publications: [],
      position,
      lost: 'trimmed',
    });
    for (const since of [
      { epoch, offset: 11 },
      { epoch: 'another', offset: 3 },
      { epoch: '', offset: 3 },
      { epoch, offset: -1 },
      { epoch, offset: NaN },
    ]) {
      expect((await one.history.read(room, { since, limit: 5 })).lost).toBe('epoch');
    }
  });

  it('tells a place also where there is nothing yet, and continues from it', async () => {
    await using one = await rig();
    const { position } = await one.history.read(room, { limit: 5 });
    expect(position.offset).toBe(0);
    expect((await one.history.read(room, { limit: 5 })).position).toEqual(position);
    await one.publish('first');
    expect(texts(await one.history.read(room, { since: position, limit: 5 }))).toEqual(['first']);
  });

  it('ends a page near a MiB', async () => {
    await using one = await rig();
    for (let index = 0; index < 30; index++) await one.publish('x'.repeat(100_000));
    const page = await one.history.read(room, { limit: 1_000 });
    expect(page.publications.length).toBe(11);
    const next = await one.history.read(room, { since: page.publications.at(-1)?.position as Position, limit: 1_000 });
    expect(next.publications[0]?.position?.offset).toBe(12);
    await one.publish('y'.repeat(3_000_000));
    expect((await one.history.read(room, { limit: 5, reverse: true })).publications.length).toBe(1);
  });

  it('skips and counts what it cannot understand, or somebody has taken away, and says what a page covers', async () => {
    await using one = await rig();
    const { admin } = one.server;
    const [meta, stream] = redisContext(admin).names.historyKeys(room);
    const first = await one.publish('1');
    const malformed = Buffer.from([0xff, 99, 1]);
    for (const offset of [2, 3]) {
      await admin.call('XADD', stream, `${offset}-0`, 'payload', malformed, 'expires', String(Date.now() + 60_000));
    }
    await admin.hset(meta, 'offset', '3');
    for (const text of ['4', '5', '6']) await one.publish(text);
    await admin.xdel(stream, '6-0');
    const epoch = first?.epoch ?? '';
    const position = { epoch, offset: 6 };
    const read = (offset: number, limit: number): Promise<HistoryPage> =>
      one.history.read(room, { since: { epoch, offset }, limit });
    expect(await read(1, 1)).toEqual({ publications: [], position, range: { first: 2, last: 2 } });
    expect(await read(1, 3)).toMatchObject({
      range: { first: 2, last: 4 },
      publications: [{ position: { offset: 4 } }],
    });
    expect(await read(3, 10)).not.toHaveProperty('range');
    expect(await read(5, 10)).toEqual({ publications: [], position, range: { first: 6, last: 6 } });
    expect(await read(6, 10)).toEqual({ publications: [], position });
    const all = await one.history.read(room, { limit: 10, reverse: true });
    expect(texts(all)).toEqual(['5', '4', '1']);
    expect(all.range).toEqual({ first: 1, last: 5 });
    expect(new Set(one.problems).size).toBe(1);
  });

  it('remembers a position for another day where somebody asks for it', async () => {
    await using one = await rig();
    const { admin } = one.server;
    const [meta] = redisContext(admin).names.historyKeys(room);
    const dayMs = 86_400_000;
    const { position } = await one.history.read(room, { limit: 0 });
    await admin.pexpire(meta, dayMs * 0.6);
    await one.history.read(room, { limit: 0 });
    expect(await admin.pttl(meta)).toBeLessThanOrEqual(dayMs * 0.6);
    await admin.pexpire(meta, dayMs * 0.4);
    expect((await one.history.read(room, { limit: 0 })).position).toEqual(position);
    expect(await admin.pttl(meta)).toBeGreaterThan(dayMs * 0.9);
    // Also where something was published, and has expired long ago.
    const last = await one.publish('1', { history: { size: 5, ttl: 0.01 } });
    await until(async () => (await one.history.read(room, { limit: 5 })).publications.length === 0);
    await admin.pexpire(meta, dayMs * 0.4);
    expect((await one.history.read(room, { limit: 0 })).position).toEqual(last);
    expect(await admin.pttl(meta)).toBeGreaterThan(dayMs * 0.9);
  });

  it('sends Redis no epoch that is none, however long it is', async () => {
    await using one = await rig();
    await one.publish('1');
    const args: unknown[] = [];
    const context = redisContext(one.server.admin);
    const { commands } = context;
    const history = new RedisHistory({
      ...context,
      commands: {
        publish: (channel, payload) => commands.publish(channel, payload),
        run: (script, keys, given) => {
          args.push(...given);
          return commands.run(script, keys, given);
        },
      },
    });
    const since = { epoch: 'e'.repeat(1_000_000), offset: 1 };
    expect((await history.read(room, { since, limit: 1 })).lost).toBe('epoch');
    expect(args[0]).toBe('-');
  });

  it('drops what has expired, oldest first, in publishing and in reading', async () => {
    await using one = await rig();
    const { admin } = one.server;
    const [, stream] = redisContext(admin).names.historyKeys(room);
    const brief = { history: { size: 1_000, ttl: 0.05 } };
    for (let index = 0; index < 300; index++) await one.publish(`brief ${index}`, brief);
    await one.publish('long');
    await until(async () => texts(await one.history.read(room, { limit: 5 })).join() === 'long');
    expect(await admin.xlen(stream)).toBe(1);
    // Behind an older one that is kept they are kept.
    for (let index = 0; index < 20; index++) await one.publish(`brief ${index}`, brief);
    const kept = (await admin.xrange(stream, '-', '+')).map(([, fields]) => fields[3]);
    expect(new Set(kept).size).toBe(1);
    const endsMs = Date.now() + 100;
    await until(() => Date.now() > endsMs);
    expect((await one.history.read(room, { limit: 100 })).publications.length).toBe(21);
  });

  it('has nothing expired in a page, however much there is of it, and finds its end in a few steps', async () => {
    await using one = await rig();
    const { admin } = one.server;
    const [meta, stream] = redisContext(admin).names.historyKeys(room);
    const steps = async (): Promise<number> =>
      Number(/cmdstat_xrange:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
    const since = (await one.publish('the first')) as Position;
    for (const expired of [1, 2, 3, 4, 5, 64, 1_000, 4_999, 5_000]) {
      // As it is some time after a busy one.
      await admin.eval(
        `redis.call('DEL', KEYS[2])
        for number = 1, 5000 do
          local expires = number <= tonumber(ARGV[1]) and 1000 or ARGV[2]
          redis.call('XADD', KEYS[2], number .. '-0', 'payload', number, 'expires', expires)
        end
        redis.call('HSET', KEYS[1], 'offset', 5000, 'dueMs', 1000, 'untilMs', ARGV[2])`,
        2,
        meta,
        stream,
        expired,
        Date.now() + 60_000,
      );
      const before = await steps();
      const page = await one.history.read(room, { limit: 1 });
      expect(texts(page)).toEqual(expired === 5_000 ? [] : [String(expired + 1)]);
      expect(await steps()).toBeLessThan(before + 30);
      // What is left of it goes a thousand at a time.
      const left = expired === 5_000 ? 0 : Math.max(0, expired - 1_000);
      expect(await admin.xlen(stream)).toBe(5_000 - expired + left);
      const newest = await one.history.read(room, { limit: 5_000, reverse: true });
      expect(newest.publications.length).toBe(5_000 - expired);
      const back = await one.history.read(room, { since: { ...since, offset: expired + 1 }, limit: 5, reverse: true });
      expect(texts(back)).toEqual([]);
      const gone = await one.history.read(room, { since: { ...since, offset: expired - 1 }, limit: 5 });
      expect(gone.lost).toBe('trimmed');
      const all = await one.history.read(room, { since: { ...since, offset: expired }, limit: 5_000 });
      expect(all.publications.length).toBe(5_000 - expired);
      for (let round = 0; round < 5; round++) await one.history.read(room, { limit: 0 });
      expect(await admin.xlen(stream)).toBe(5_000 - expired);
    }
    expect((await one.publish('the next'))?.offset).toBe(5_001);
  });

  it('copies little more than a page where large publications follow small ones', async () => {
    await using one = await rig();
    const { admin } = one.server;
    for (let index = 0; index < 300; index++) await one.publish('small', { history: { size: 1_000, ttl: 60 } });
    const large = 'x'.repeat(256 * 1_024);
    for (let index = 0; index < 128; index++) await one.publish(large, { history: { size: 1_000, ttl: 60 } });
    const figure = async (name: string): Promise<number> =>
      Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await admin.info('memory'))?.[1]);
    const before = await figure('used_memory_peak');
    expect((await one.history.read(room, { limit: 1_000 })).publications.length).toBe(304);
    expect((await figure('used_memory_peak')) - before).toBeLessThan(8 * 1_024 * 1_024);
  });

  it('lets a stream expire with its last publication, and knows its place a day longer', async () => {
    await using one = await rig();
    const { admin } = one.server;
    const [meta, stream] = redisContext(admin).names.historyKeys(room);
    const since = await one.publish('1', { history: { size: 5, ttl: 0.05 } });
    await until(async () => (await admin.exists(stream)) === 0);
    expect(await admin.pttl(meta)).toBeGreaterThan(86_300_000);
    expect(await one.history.read(room, { since: since as Position, limit: 5 })).toEqual({
      publications: [],
      position: since,
    });
    expect((await one.publish('2'))?.offset).toBe(2);
    expect(await admin.pttl(stream)).toBeGreaterThan(30_000);
    expect((await one.history.read(room, { since: { ...(since as Position), offset: 0 }, limit: 5 })).lost).toBe(
      'trimmed',
    );
  });

  it('begins a new epoch when the meta was evicted, and says trimmed when the stream was', async () => {
    await using one = await rig();
    const { admin } = one.server;
    const [meta, stream] = redisContext(admin).names.historyKeys(room);
    const first = (await one.publish('1')) as Position;
    await admin.del(meta);
    const again = (await one.publish('another 1')) as Position;
    expect(again.offset).toBe(1);
    expect(again.epoch).not.toBe(first.epoch);
    expect(texts(await one.history.read(room, { limit: 5 }))).toEqual(['another 1']);
    expect((await one.history.read(room, { since: first, limit: 5 })).lost).toBe('epoch');
    await admin.del(stream);
    expect((await one.history.read(room, { since: { ...again, offset: 0 }, limit: 5 })).lost).toBe('trimmed');
    expect((await one.publish('2'))?.offset).toBe(2);
  });

  it('publishes once what has an id, and answers the position of the first', async () => {
    await using one = await rig();
    const first = await one.publish('a', { history: rule, id: '1' });
    expect(await one.publish('a', { history: rule, id: '1' })).toEqual(first);
    expect(await one.publish('a', { id: '1' })).toEqual(first);
    expect(await one.publish('b', { id: '' })).toBeUndefined();
    expect(await one.publish('b', { history: rule, id: '' })).toBeUndefined();
    expect((await one.publish('c'))?.offset).toBe(2);
    const ids = (await one.keys()).filter((key) => key.includes('}:id:'));
    expect(ids).toEqual([`carillon:{${room}}:id:0::${room}`, `carillon:{${room}}:id:1:1:${room}`]);
    for (const key of ids) expect(await one.server.admin.pttl(key)).toBeGreaterThan(290_000);
  });

  it('leaves out what another program put there and nobody can read', async () => {
    await using one = await rig();
    await one.publish('1');
    const { names } = redisContext(one.server.admin);
    const [meta, stream] = names.historyKeys(room);
    await one.server.admin.xadd(stream, '2-0', 'payload', Buffer.from([0xff, 9]), 'expires', Date.now() + 60_000);
    await one.server.admin.hset(meta, 'offset', 2);
    await one.publish('3');
    expect(texts(await one.history.read(room, { limit: 5 }))).toEqual(['1', '3']);
    expect(one.problems).toEqual([`${room}: the envelope ends within its header`]);
  });
});
