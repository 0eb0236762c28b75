import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PresenceMember, Publication } from '../../../../src/broker/broker.ts';
import { memberBytes, readMember, writeMember } from '../../../../src/broker/ipc/member-codec.ts';
import { publicationBytes, readPublication, writePublication } from '../../../../src/broker/ipc/publication-codec.ts';
import { MalformedRecordError } from '../../../../src/broker/ipc/record.ts';
import { RecordCursor } from '../../../../src/broker/ipc/record-cursor.ts';
import { RecordReader } from '../../../../src/broker/ipc/record-reader.ts';
import { RecordWriter } from '../../../../src/broker/ipc/record-writer.ts';
import { retainableSlice } from '../../../../src/lib/retainable-slice.ts';
import { standaloneCopy } from '../../../../src/lib/standalone-copy.ts';

/** The bytes that leave in one flush. */
function written(write: (writer: RecordWriter) => void): Buffer {
  const stream = new PassThrough({ highWaterMark: 1024 ** 3 });
  const writer = new RecordWriter(stream);
  write(writer);
  writer.flush();
  return (stream.read() as Buffer | null) ?? Buffer.alloc(0);
}

function write(writer: RecordWriter, publication: Publication): void {
  writePublication(writer, publication, publicationBytes(publication));
}

/** Comparing long buffers element by element takes its time. */
function comparable({ data, ...rest }: Publication): object {
  return { ...rest, data: data.toString('latin1') };
}

const anyText = fc.string({ unit: 'binary', maxLength: 20 });
const anyPublication: fc.Arbitrary<Publication> = fc
  .record({
    subscription: anyText,
    data: fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.integer({ min: 16_300, max: 16_500 }).map((length) => Buffer.alloc(length, 'x')),
    ),
    kind: fc.constantFrom('text' as const, 'binary' as const),
    exclude: fc.array(anyText, { maxLength: 4 }),
    info: fc.option(anyText, { nil: undefined }),
    publishedMs: fc.option(fc.nat(2 ** 48 - 1), { nil: undefined }),
  })
  .map(({ info, publishedMs, ...rest }) => ({
    ...rest,
    ...(info === undefined ? {} : { info }),
    ...(publishedMs === undefined ? {} : { publishedMs }),
  }));
const anyMember: fc.Arbitrary<PresenceMember> = fc
  .record({
    connectionId: anyText,
    user: fc.option(anyText, { nil: undefined }),
    info: fc.option(anyText, { nil: undefined }),
  })
  .map(({ connectionId, user, info }) => ({
    connectionId,
    ...(user === undefined ? {} : { user }),
    ...(info === undefined ? {} : { info }),
  }));

describe('the record of a publication', () => {
  it('has these bytes', () => {
    const publication: Publication = {
      subscription: '/c',
      data: Buffer.from([1, 2]),
      kind: 'binary',
      exclude: ['a', 'ü'],
      info: '{}',
      publishedMs: 0x0102_0304_0506,
    };
    expect([...written((writer) => write(writer, publication))]).toEqual(
      [
        [0, 0, 0, 37, 2], // length of what follows, type
        [0, 0, 0, 2, 0x2f, 0x63], // name
        [7], // binary, has information, has a time
        [1, 2, 3, 4, 5, 6], // when it was published
        [0, 0, 0, 2], // ids excluded
        [0, 0, 0, 1, 0x61],
        [0, 0, 0, 2, 0xc3, 0xbc],
        [0, 0, 0, 2, 0x7b, 0x7d], // information
        [1, 2], // data
      ].flat(),
    );
  });

  it('is read as it was written, alone and among others', () => {
    fc.assert(
      fc.property(fc.array(anyPublication, { maxLength: 12 }), (publications) => {
        const bytes = written((writer) => publications.forEach((publication) => write(writer, publication)));
        const read: Publication[] = [];
        new RecordReader((chunk, start, end) =>
          read.push(readPublication(new RecordCursor(chunk, start + 5, end))),
        ).push(bytes);
        expect(read.map(comparable)).toEqual(publications.map(comparable));
        expect(bytes).toHaveLength(publications.reduce((sum, publication) => sum + publicationBytes(publication), 0));
      }),
      { numRuns: 300 },
    );
  });

  it('is forwarded byte for byte', () => {
    fc.assert(
      fc.property(fc.array(anyPublication, { maxLength: 12 }), (publications) => {
        const bytes = written((writer) => publications.forEach((publication) => write(writer, publication)));
        const forwarded = written((writer) => {
          new RecordReader((chunk, start, end) => writer.forward(chunk, start, end)).push(bytes);
        });
        expect(forwarded.equals(bytes)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it.each<[string, number[]]>([
    ['a name that reaches over the end', [0, 0, 0, 9, 0x61]],
    ['no flags', [0, 0, 0, 1, 0x61]],
    ['unknown flags', [0, 0, 0, 0, 8, 0, 0, 0, 0]],
    ['half a time', [0, 0, 0, 0, 4, 0, 0, 0]],
    ['fewer excluded ids than it says', [0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]],
    ['information that reaches over the end', [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1]],
    ['half a length', [0, 0]],
  ])('is malformed with %s', (_what, bytes) => {
    const body = Buffer.from([...bytes]);
    expect(() => readPublication(new RecordCursor(body, 0, body.length))).toThrow(MalformedRecordError);
  });
});

describe('a member in a record', () => {
  it('is read as it was written, and equal members have equal bytes', () => {
    fc.assert(
      fc.property(anyMember, (member) => {
        const encode = (): Buffer =>
          written((writer) => {
            writer.begin(5, memberBytes(member));
            writeMember(writer, member);
          });
        const bytes = encode();
        const cursor = new RecordCursor(bytes, 5, bytes.length);
        expect(readMember(cursor)).toEqual(member);
        cursor.finish();
        expect(encode().equals(bytes)).toBe(true);
      }),
    );
  });
});

describe('retainableSlice', () => {
  it('shares memory where it pins little, and copies where a slice would pin a whole chunk', () => {
    const chunk = Buffer.from(new ArrayBuffer(64 * 1024));
    const small = Buffer.from(new ArrayBuffer(8 * 1024));
    expect(retainableSlice(chunk, 100, 200).buffer).not.toBe(chunk.buffer);
    expect(retainableSlice(chunk, 0, 16 * 1024).buffer).toBe(chunk.buffer);
    expect(retainableSlice(small, 100, 200).buffer).toBe(small.buffer);
  });
});

describe('standaloneCopy', () => {
  it('has the same bytes in memory of its own, also where they are few', () => {
    for (const length of [0, 1, 100, 100_000]) {
      const bytes = Buffer.alloc(length, 'x');
      const copy = standaloneCopy(bytes);
      expect(copy.equals(bytes)).toBe(true);
      expect(copy.buffer.byteLength).toBe(length);
      bytes.fill('y');
      expect(copy.includes('y')).toBe(false);
    }
  });
});
