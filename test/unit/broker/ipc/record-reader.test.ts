import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedRecordError } from '../../../../src/broker/ipc/record.ts';
import { RecordReader } from '../../../../src/broker/ipc/record-reader.ts';

function record(type: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(body.length + 1);
  header[4] = type;
  return Buffer.concat([header, body]);
}

/** Cuts bytes into chunks of these sizes, again and again; 0 gives an empty chunk. */
function chunked(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

function collecting(limit?: number): { reader: RecordReader; records: Buffer[] } {
  const records: Buffer[] = [];
  const reader = new RecordReader((chunk, start, end) => records.push(Buffer.from(chunk.subarray(start, end))), limit);
  return { reader, records };
}

const anyRecords = fc.array(
  fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 40 })).map(([type, body]) => record(type, body)),
  { maxLength: 30 },
);
const anySizes = fc
  .array(fc.nat(20), { minLength: 1, maxLength: 10 })
  .filter((sizes) => sizes.some((size) => size > 0));

describe('RecordReader', () => {
  it('reads the same records however the stream is chunked', () => {
    fc.assert(
      fc.property(anyRecords, anySizes, (expected, sizes) => {
        const { reader, records } = collecting();
        for (const chunk of chunked(Buffer.concat(expected), sizes)) reader.push(chunk);
        expect(records).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('hands nothing over between hold and release, and loses nothing by it', () => {
    fc.assert(
      fc.property(
        anyRecords,
        anySizes,
        fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }),
        (expected, sizes, holds) => {
          const records: Buffer[] = [];
          let isHeld = false;
          const reader: RecordReader = new RecordReader((chunk, start, end) => {
            expect(isHeld).toBe(false);
            records.push(Buffer.from(chunk.subarray(start, end)));
            if (holds[records.length % holds.length] !== true) return;
            isHeld = true;
            reader.hold();
          });
          const release = (): void => {
            isHeld = false;
            reader.release();
          };
          chunked(Buffer.concat(expected), sizes).forEach((chunk, index) => {
            reader.push(chunk);
            if (index % 3 === 0) release();
          });
          // Every release hands over at least one record, if any is left.
          for (let count = 0; count <= expected.length; count++) release();
          expect(records).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('hands a record that lies in one chunk over where it is', () => {
    const chunk = Buffer.concat([record(1, Buffer.from('one')), record(2, Buffer.from('two'))]);
    const seen: [Buffer, number, number][] = [];
    new RecordReader((...where) => seen.push(where)).push(chunk);
    expect(seen).toEqual([
      [chunk, 0, 8],
      [chunk, 8, 16],
    ]);
    expect(seen.every(([where]) => where === chunk)).toBe(true);
  });

  it('reads a record of 80 MiB from 64 KiB chunks', () => {
    const body = Buffer.alloc(80 * 1024 * 1024, 'carillon');
    const stream = Buffer.concat([record(1, Buffer.from('before')), record(2, body), record(3, Buffer.from('after'))]);
    const seen: number[] = [];
    const reader = new RecordReader((chunk, start, end) => {
      seen.push(chunk[start + 4] ?? 0);
      if (seen.length === 2) expect(chunk.subarray(start + 5, end).equals(body)).toBe(true);
    });
    for (const chunk of chunked(stream, [65_536])) reader.push(chunk);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('refuses a record without a type', () => {
    expect(() => collecting().reader.push(Buffer.from([0, 0, 0, 0]))).toThrow(MalformedRecordError);
  });

  it('refuses a record that claims to be too long as soon as its length is there', () => {
    const { reader, records } = collecting(100);
    reader.push(record(1, Buffer.alloc(95)));
    expect(records).toHaveLength(1);
    expect(() => reader.push(Buffer.from([0, 0, 0, 97]))).toThrow('a record of 101 bytes, the longest may be 100');
    expect(() => collecting().reader.push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow(MalformedRecordError);
    const bytewise = collecting().reader;
    for (const byte of [0xff, 0xff, 0xff]) bytewise.push(Buffer.from([byte]));
    expect(() => bytewise.push(Buffer.from([0xff]))).toThrow(MalformedRecordError);
  });
});
