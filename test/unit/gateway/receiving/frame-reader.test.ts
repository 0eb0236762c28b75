import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { deflateRawSync, constants } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { FrameReader, type FrameSink } from '../../../../src/gateway/receiving/frame-reader.ts';
import { negotiateDeflate } from '../../../../src/gateway/receiving/inflater.ts';
import { maskedFrame } from '../../../support/raw-client.ts';
import { until } from '../../../support/until.ts';

const limits = { messageBytes: 70_000, fragments: 6 };

/** ws' own reader of frames, which its type declarations do not have: an independent opinion. */
const { Receiver } = ws as unknown as {
  readonly Receiver: new (options: object) => Writable;
};

interface FrameSpec {
  readonly first: number;
  readonly isMasked: boolean;
  readonly mask: readonly number[];
  readonly payload: Uint8Array;
  /** Bytes of the extended length; undefined: as few as will do. */
  readonly width: 2 | 8 | undefined;
}

const frame: fc.Arbitrary<FrameSpec> = fc.record({
  first: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(0x81, 0x82, 0x89, 0x8a) },
    { weight: 12, arbitrary: fc.constantFrom(0x01, 0x02, 0x00, 0x00, 0x80, 0x80) },
    { weight: 1, arbitrary: fc.constantFrom(0x88) },
    { weight: 1, arbitrary: fc.nat(255) },
  ),
  isMasked: fc.oneof({ weight: 100, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  mask: fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }),
  payload: fc.oneof(
    { weight: 20, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text)) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(3, 125, 126, 65_535, 65_536, 69_999).map((n) => Buffer.alloc(n, 'a')),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 130, size: 'max' }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(1000, 1005, 1014, 1015, 2999, 4999).map((code) => Buffer.from([code >> 8, code])),
    },
  ),
  width: fc.oneof(
    { weight: 40, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom<2 | 8>(2, 8) },
  ),
});

function bytesOf({ first, isMasked, mask, payload, width }: FrameSpec): Buffer {
  const { length } = payload;
  const bytes = width ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8);
  const header = Buffer.alloc(2 + bytes);
  header[0] = first;
  header[1] = (isMasked ? 0x80 : 0) | (bytes === 0 ? length : bytes === 2 ? 126 : 127);
  if (bytes === 2) header.writeUInt16BE(length & 0xffff, 2);
  if (bytes === 8) header.writeBigUInt64BE(BigInt(length), 2);
  const masked = isMasked ? Buffer.from(payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0))) : Buffer.from(payload);
  return Buffer.concat([header, ...(isMasked ? [Buffer.from(mask)] : []), masked]);
}

/** Cut where the numbers say, again and again. */
function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = at + (lengths[i % lengths.length] ?? bytes.length);
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

class Heard implements FrameSink {
  readonly #heard: (() => string)[] = [];
  inflatedTimes = 0;

  /** Messages as they are now: whoever is given one may keep it. */
  get all(): string[] {
    return this.#heard.map((say) => say());
  }

  message(data: Buffer, isBinary: boolean): void {
    this.#heard.push(() => `${isBinary ? 'binary' : 'text'} ${data.toString('hex')}`);
  }
  pinged(payload: Buffer): void {
    this.#say(`ping ${payload.toString('hex')}`);
  }
  ponged(payload: Buffer): void {
    this.#say(`pong ${payload.toString('hex')}`);
  }
  concluded(code: number, reason: string): void {
    this.#say(`close ${code} ${reason}`);
  }
  failed(code: number): void {
    this.#say(`failed ${code}`);
  }
  #say(what: string): void {
    this.#heard.push(() => what);
  }
  inflated(): void {
    this.inflatedTimes++;
  }
}

async function heardByWs(chunks: readonly Buffer[]): Promise<string[]> {
  const heard = new Heard();
  const receiver = new Receiver({ isServer: true, maxPayload: limits.messageBytes, maxFragments: limits.fragments });
  receiver.on('message', (data: Buffer, isBinary: boolean) => heard.message(data, isBinary));
  receiver.on('ping', (data: Buffer) => heard.pinged(data));
  receiver.on('pong', (data: Buffer) => heard.ponged(data));
  receiver.on('conclude', (code: number, reason: Buffer) => heard.concluded(code, reason.toString()));
  receiver.on('error', (error) => {
    const [status] = Object.getOwnPropertySymbols(error).map((key) => Reflect.get(error, key) as unknown);
    // ws ends itself after a close frame; what is written then is none of a frame's errors.
    if (typeof status === 'number') heard.failed(status);
  });
  for (const chunk of chunks) receiver.write(chunk);
  if (!receiver.writableEnded && !receiver.destroyed) receiver.end();
  if (!receiver.closed) await once(receiver, 'close').catch(() => {});
  return heard.all;
}

function heardByReader(chunks: readonly Buffer[], isShared: boolean): string[] {
  const heard = new Heard();
  const reader = new FrameReader(heard, limits, undefined);
  for (const chunk of chunks) {
    reader.push(chunk, isShared);
    // What comes next is read into the same memory.
    if (isShared) chunk.fill(0xee);
  }
  return heard.all;
}

describe('the frame reader', () => {
  it('hears what ws hears, whatever is sent, and however it is cut', async () => {
    let messages = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { minLength: 1, maxLength: 10 }),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 100_000 })), {
          minLength: 1,
          maxLength: 6,
        }),
        async (frames, lengths) => {
          const bytes = Buffer.concat(frames.map(bytesOf));
          const chunks = (): Buffer[] => cut(Buffer.from(bytes), lengths);
          const expected = await heardByWs(chunks());
          messages += expected.filter((line) => /^(text|binary)/.test(line)).length;
          expect(heardByReader(chunks(), false)).toEqual(expected);
          expect(heardByReader(chunks(), true)).toEqual(expected);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(messages).toBeGreaterThan(1_000);
  });

  it('keeps of a frame what has come of it, not what it says will come', () => {
    const header = maskedFrame(0x82, Buffer.alloc(60_000)).subarray(0, 20);
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 1_000 }, () => {
      const reader = new FrameReader(new Heard(), limits, undefined);
      reader.push(Buffer.from(header), false);
      return reader;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
    expect(readers).toHaveLength(1_000);
  });

  it('hands over in order what comes while a message is being inflated', async () => {
    const heard = new Heard();
    const deflate = negotiateDeflate('permessage-deflate', limits.messageBytes);
    const reader = new FrameReader(heard, limits, deflate?.inflater);
    const deflated = (text: string): Buffer =>
      deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const all = Buffer.concat([
      maskedFrame(0xc1, deflated('one')),
      maskedFrame(0x81, 'two'),
      maskedFrame(0x41, deflated('thr').subarray(0, 2)),
      maskedFrame(0x89, 'ping'),
      maskedFrame(0x80, deflated('thr').subarray(2)),
      maskedFrame(0x88, ''),
    ]);
    for (const chunk of cut(all, [7])) {
      const shared = Buffer.from(chunk);
      reader.push(shared, true);
      shared.fill(0xee);
    }
    expect(reader.isInflating).toBe(true);
    await until(() => heard.all.length === 5);
    const hex = (text: string): string => Buffer.from(text).toString('hex');
    const texts = ['one', 'two'].map((text) => `text ${hex(text)}`);
    expect(heard.all).toEqual([...texts, `ping ${hex('ping')}`, `text ${hex('thr')}`, 'close 1005 ']);
    await until(() => !reader.isInflating);
    expect(heard.inflatedTimes).toBe(1);
    deflate?.inflater.cleanup();
  });
});
