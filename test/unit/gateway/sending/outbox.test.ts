import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findSocketWrites } from '../../../../src/gateway/direct-sockets.ts';
import type { Entry } from '../../../../src/gateway/sending/entry.ts';
import { FlushScheduler } from '../../../../src/gateway/sending/flush-scheduler.ts';
import { Outbox } from '../../../../src/gateway/sending/outbox.ts';
import { publicWrites, type SocketWrites } from '../../../../src/gateway/sending/socket-writes.ts';
import { socketPair, type SocketPair } from '../../../support/socket-pair.ts';
import { until } from '../../../support/until.ts';

interface Arranged extends Disposable {
  readonly outbox: Outbox;
  readonly scheduler: FlushScheduler;
  readonly pair: SocketPair;
  /** Everything the other end has read. */
  received(): Buffer;
  /** How often the outbox said that it is empty. */
  readonly emptied: { count: number };
  /** What was handed to the socket, write by write. */
  readonly written: Buffer[];
}

async function arrange(writes: SocketWrites): Promise<Arranged> {
  const pair = await socketPair();
  const scheduler = new FlushScheduler();
  const chunks: Buffer[] = [];
  const emptied = { count: 0 };
  const written: Buffer[] = [];
  pair.far.on('data', (chunk) => chunks.push(chunk));
  const counted: SocketWrites = {
    write(socket, bytes, writer) {
      written.push(bytes);
      return writes.write(socket, bytes, writer);
    },
  };
  const outbox = new Outbox(
    pair.near,
    0,
    { scheduler, writes: counted, behind: new Set() },
    { emptied: () => void emptied.count++ },
  );
  return {
    outbox,
    scheduler,
    pair,
    emptied,
    written,
    received: () => Buffer.concat(chunks),
    [Symbol.dispose]: () => pair[Symbol.dispose](),
  };
}

function entryOf(bytes: Buffer | string): Entry {
  const buffer = Buffer.from(bytes);
  return { subscription: undefined, content: 'other', bytesFor: () => buffer };
}

function give({ outbox }: Arranged, ...all: (Buffer | string)[]): void {
  for (const bytes of all) {
    const entry = entryOf(bytes);
    outbox.push(entry, entry.bytesFor(0));
  }
}

/** Gives so much that the kernel does not take it, while the other end reads nothing. */
async function stall(arranged: Arranged): Promise<Buffer[]> {
  arranged.pair.far.pause();
  const given: Buffer[] = [];
  while (!arranged.outbox.isBehind) {
    const piece = randomBytes(100_000);
    given.push(piece);
    give(arranged, piece);
    await turn();
  }
  return given;
}

describe('an outbox whose socket takes one write at a time', () => {
  it('sends in order what a callback of `whenTaken` gives and what is given after it', async () => {
    const written: string[] = [];
    let taken = (): void => {};
    const writes: SocketWrites = {
      write(_socket, bytes, writer) {
        written.push(bytes.length > 100 ? 'long' : bytes.toString());
        taken = () => writer.taken();
        return false;
      },
    };
    using pair = await socketPair();
    const outbox = new Outbox(
      pair.near,
      0,
      { scheduler: new FlushScheduler(), writes, behind: new Set() },
      { emptied() {} },
    );
    const say = (text: string): void => outbox.push(entryOf(text), Buffer.from(text));
    say('first');
    await turn();
    outbox.whenTaken(() => say('from the callback '));
    say('x'.repeat(100_000));
    taken();
    say('later');
    for (let i = 0; i < 4; i++) {
      taken();
      await turn();
    }
    expect(written).toEqual(['first', 'long', 'from the callback later']);
    expect(outbox.bytes).toBe(0);
  });
});

describe.each([
  ['by the fastest way there is', findSocketWrites()],
  ['by the public API', publicWrites],
])('an outbox that writes %s', (_, writes) => {
  it('sends what it is given in one turn in one write, in order', async () => {
    using arranged = await arrange(writes);
    give(arranged, 'one ', 'two ', 'three');
    expect(arranged.written).toEqual([]);
    expect(arranged.outbox.bytes).toBe(13);
    await until(() => arranged.received().toString() === 'one two three');
    expect(arranged.written).toHaveLength(1);
    expect(arranged.outbox.bytes).toBe(0);
    expect(arranged.emptied.count).toBe(1);
    give(arranged, ' four');
    await until(() => arranged.received().toString() === 'one two three four');
    expect(arranged.written).toHaveLength(2);
  });

  it('shares its write with outboxes that were given the same', async () => {
    using arranged = await arrange(writes);
    using other = await socketPair();
    const theirs: Buffer[] = [];
    const { scheduler } = arranged;
    const sharing: SocketWrites = {
      write: (socket, bytes, writer) => (theirs.push(bytes), writes.write(socket, bytes, writer)),
    };
    const second = new Outbox(other.near, 0, { scheduler, writes: sharing, behind: new Set() }, { emptied() {} });
    for (const entry of [entryOf('one '), entryOf('two')]) {
      arranged.outbox.push(entry, entry.bytesFor(0));
      second.push(entry, entry.bytesFor(0));
    }
    await turn();
    expect(theirs).toHaveLength(1);
    expect(theirs[0]).toBe(arranged.written[0]);
  });

  it('hands the socket nothing while the kernel has not taken what it was handed, and then goes on', async () => {
    using arranged = await arrange(writes);
    const given = await stall(arranged);
    const { outbox, written } = arranged;
    const before = written.length;
    const more = Array.from({ length: 50 }, () => randomBytes(10_000));
    give(arranged, ...more);
    await turn();
    expect(written).toHaveLength(before);
    expect(outbox.bytes).toBeGreaterThanOrEqual(500_000);
    const { count } = arranged.emptied;
    arranged.pair.far.resume();
    const all = Buffer.concat([...given, ...more]);
    await until(() => arranged.received().length === all.length);
    expect(arranged.received().equals(all)).toBe(true);
    await until(() => outbox.bytes === 0);
    expect(arranged.emptied.count).toBe(count + 1);
    // In pieces, of which none is large.
    expect(written.slice(before).every(({ length }) => length <= 64 * 1024)).toBe(true);
  });

  it('calls back when all that waited has been taken, not when what came later has', async () => {
    using arranged = await arrange(writes);
    await stall(arranged);
    const waiting: number[] = [];
    give(arranged, randomBytes(50_000));
    arranged.outbox.whenTaken(() => waiting.push(arranged.outbox.bytes));
    give(arranged, randomBytes(10_000_000));
    arranged.outbox.whenTaken(() => waiting.push(arranged.outbox.bytes));
    await turn();
    expect(waiting).toEqual([]);
    arranged.pair.far.resume();
    await until(() => waiting.length === 2);
    expect(waiting[0]).toBeGreaterThan(5_000_000);
    expect(waiting[1]).toBe(0);
  });

  it('calls back when nothing waits, or when what waits is forgotten', async () => {
    using arranged = await arrange(writes);
    let calls = 0;
    arranged.outbox.whenTaken(() => calls++);
    await turn();
    expect(calls).toBe(1);
    await stall(arranged);
    arranged.outbox.whenTaken(() => calls++);
    arranged.outbox.discard();
    await until(() => calls === 2);
  });

  it('hands everything to the socket when it is released, so that what the socket is given next comes last', async () => {
    using arranged = await arrange(writes);
    const given = await stall(arranged);
    const more = Array.from({ length: 5 }, () => randomBytes(100_000));
    give(arranged, ...more);
    arranged.outbox.release();
    arranged.pair.near.end('farewell');
    arranged.pair.far.resume();
    const all = Buffer.concat([...given, ...more, Buffer.from('farewell')]);
    await until(() => arranged.received().length === all.length);
    expect(arranged.received().equals(all)).toBe(true);
  });

  it('shows what waits to whoever may change it, and sends what is left', async () => {
    using arranged = await arrange(writes);
    const given = await stall(arranged);
    await turn();
    give(arranged, 'drop', 'keep');
    const { bytes } = arranged.outbox;
    arranged.outbox.edit((waiting) => {
      const at = waiting.findIndex((entry) => entry.bytesFor(0).toString() === 'drop');
      waiting.splice(at, 1);
      return { changedBytes: -4 };
    });
    expect(arranged.outbox.bytes).toBe(bytes - 4);
    arranged.pair.far.resume();
    const all = Buffer.concat([...given, Buffer.from('keep')]);
    await until(() => arranged.received().length === all.length);
    expect(arranged.received().equals(all)).toBe(true);
    expect(arranged.outbox.bytes).toBe(0);
  });

  it('keeps the order where a callback gives something while more waits', async () => {
    using arranged = await arrange(writes);
    const given = await stall(arranged);
    arranged.outbox.whenTaken(() => give(arranged, 'given by the callback'));
    const more = Array.from({ length: 20 }, () => randomBytes(100_000));
    give(arranged, ...more);
    arranged.pair.far.resume();
    const before = Buffer.concat(given);
    await until(() => arranged.received().length > before.length + 2_000_000);
    give(arranged, 'given later');
    await until(() => arranged.received().subarray(-11).toString() === 'given later');
    expect(arranged.received().subarray(0, before.length).equals(before)).toBe(true);
    const rest = arranged.received().subarray(before.length);
    expect(rest.indexOf('given by the callback')).toBeLessThan(rest.indexOf('given later'));
    expect(rest.indexOf('given by the callback')).toBeGreaterThan(0);
    await until(() => arranged.outbox.bytes === 0);
  });

  it('does no harm when the socket goes away', async () => {
    using arranged = await arrange(writes);
    await stall(arranged);
    arranged.pair.near.on('error', () => {});
    const closed = new Promise((resolve) => arranged.pair.near.once('close', resolve));
    arranged.pair.far.resetAndDestroy();
    give(arranged, randomBytes(1_000_000));
    await closed;
    give(arranged, 'late');
    await turn();
    arranged.outbox.discard();
    expect(arranged.outbox.bytes).toBe(0);
  });

  it('keeps the order and every byte, whatever is given when, and however the other end reads', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ give: fc.integer({ min: 1, max: 90_000 }) }) },
      { weight: 3, arbitrary: fc.constant('turn' as const) },
      { weight: 1, arbitrary: fc.constantFrom('pause' as const, 'resume' as const, 'flush' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
        using arranged = await arrange(writes);
        const given: Buffer[] = [];
        for (const what of steps) {
          if (typeof what === 'object') {
            given.push(randomBytes(what.give));
            give(arranged, ...given.slice(-1));
          } else if (what === 'turn') await turn();
          else if (what === 'flush') arranged.outbox.flush();
          else arranged.pair.far[what]();
        }
        arranged.pair.far.resume();
        const all = Buffer.concat(given);
        await until(() => arranged.received().length === all.length);
        await until(() => arranged.outbox.bytes === 0);
        expect(arranged.received().equals(all)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });
});
