import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  HistoryPage,
  HistoryQuery,
  Position,
  Publication,
  PublishOptions,
} from '../../../../src/broker/broker.ts';
import {
  keepBytes,
  keepMarginBytes,
  readHistoryPage,
  readKeep,
  readKept,
  readPositioned,
  readReadRequest,
  readRequestBytes,
  writeContentRecord,
  writeHistoryPage,
  writeKeep,
  writeKept,
  writeReadRequest,
} from '../../../../src/broker/ipc/history-codec.ts';
import { readPublication } from '../../../../src/broker/ipc/publication-codec.ts';
import { MalformedRecordError, recordType } from '../../../../src/broker/ipc/record.ts';
import { RecordCursor } from '../../../../src/broker/ipc/record-cursor.ts';
import { RecordWriter } from '../../../../src/broker/ipc/record-writer.ts';

/** The bytes that leave in one flush. */
function written(write: (writer: RecordWriter) => void): Buffer {
  const stream = new PassThrough({ highWaterMark: 1024 ** 3 });
  const writer = new RecordWriter(stream);
  write(writer);
  writer.flush();
  return (stream.read() as Buffer | null) ?? Buffer.alloc(0);
}

/** The body of a single record, whose length and type are right. */
function body(record: Buffer, type: number): RecordCursor {
  expect(record.readUInt32BE(0)).toBe(record.length - 4);
  expect(record[4]).toBe(type);
  return new RecordCursor(record, 5, record.length);
}

/** Comparing long buffers element by element takes its time. */
function comparable({ data, ...rest }: Publication): object {
  return { ...rest, data: data.toString('latin1') };
}

const anyText = fc.string({ unit: 'binary', maxLength: 20 });
const anyPosition: fc.Arbitrary<Position> = fc.record({ epoch: anyText, offset: fc.nat(2 ** 48 - 1) });
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
const anyOptions: fc.Arbitrary<PublishOptions> = fc
  .record({
    history: fc.option(fc.record({ size: fc.nat(2 ** 31), ttl: fc.double({ min: 0, noNaN: true }) }), {
      nil: undefined,
    }),
    id: fc.option(anyText, { nil: undefined }),
  })
  .map(({ history, id }) => ({
    ...(history === undefined ? {} : { history }),
    ...(id === undefined ? {} : { id }),
  }));

/** What the switch keeps of a publication. */
function contentOf(publication: Publication): Buffer {
  const record = written((writer) => writeKeep(writer, publication, {}, keepBytes(publication, {})));
  return Buffer.from(readKeep(body(record, recordType.keep)).content);
}

describe('the record of a publication that is to be kept', () => {
  it('is read by the switch as it was written, and its content by the workers', () => {
    fc.assert(
      fc.property(
        anyPublication,
        anyOptions,
        fc.option(anyPosition, { nil: undefined }),
        (publication, options, position) => {
          const bytes = keepBytes(publication, options);
          const record = written((writer) => writeKeep(writer, publication, options, bytes));
          expect(record).toHaveLength(bytes);
          const kept = readKeep(body(record, recordType.keep));
          expect(kept.options).toEqual(options);
          expect(kept.name).toBe(publication.subscription);

          const passedOn = written((writer) => writeContentRecord(writer, kept.name, kept.content, position));
          const read =
            position === undefined
              ? readPublication(body(passedOn, recordType.publication))
              : readPositioned(body(passedOn, recordType.positioned));
          expect(comparable(read)).toEqual(
            comparable(position === undefined ? publication : { ...publication, position }),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('comes with its position, or alone on a page, not much longer than it came', () => {
    const publication: Publication = { subscription: '', data: Buffer.alloc(0), kind: 'text', exclude: [] };
    const content = contentOf(publication);
    const position = { epoch: '0123456789ab', offset: 1 };
    const longest = keepBytes(publication, {}) + keepMarginBytes;
    const passedOn = written((writer) => writeContentRecord(writer, '', content, position));
    const page = written((writer) => writeHistoryPage(writer, { entries: [content], first: 1, position }, false));
    expect(passedOn.length).toBeLessThanOrEqual(longest);
    expect(page.length).toBeLessThanOrEqual(longest);
  });

  it('says nothing that the switch would take for malformed, whatever the rule', () => {
    const publication: Publication = { subscription: 'a', data: Buffer.alloc(1), kind: 'text', exclude: [] };
    for (const [size, ttl, expected] of [
      [Number.NaN, Number.NaN, { size: 0, ttl: 0 }],
      [-1, -1, { size: 0, ttl: 0 }],
      [2.5, 0.05, { size: 2, ttl: 0.05 }],
      [Infinity, Infinity, { size: 2 ** 32 - 1, ttl: Infinity }],
    ] as const) {
      const options = { history: { size, ttl } };
      const record = written((writer) => writeKeep(writer, publication, options, keepBytes(publication, options)));
      expect(readKeep(body(record, recordType.keep)).options.history).toEqual(expected);
    }
  });

  it.each<[string, number[]]>([
    ['unknown flags', [4, 0, 0, 0, 0]],
    ['half a rule', [1, 0, 0, 0, 1, 0, 0]],
    ['a time to live that is no number', [1, 0, 0, 0, 1, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a time to live below 0', [1, 0, 0, 0, 1, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['an id that reaches over the end', [2, 0, 0, 0, 9, 0x61]],
    ['no name', [0]],
  ])('is malformed with %s', (_what, bytes) => {
    const record = Buffer.from(bytes);
    expect(() => readKeep(new RecordCursor(record, 0, record.length))).toThrow(MalformedRecordError);
  });
});

describe('the answer with a position', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(anyPosition, (position) => {
        expect(
          readKept(
            body(
              written((writer) => writeKept(writer, position)),
              recordType.kept,
            ),
          ),
        ).toEqual(position);
      }),
    );
  });

  it('is malformed with anything after it', () => {
    const record = Buffer.from([0, 0, 0, 1, 0x61, 0, 0, 0, 0, 0, 1, 0]);
    expect(() => readKept(new RecordCursor(record, 0, record.length))).toThrow(MalformedRecordError);
  });
});

describe('the request to read', () => {
  const anyQuery: fc.Arbitrary<HistoryQuery> = fc
    .record({ since: fc.option(anyPosition, { nil: undefined }), limit: fc.nat(2 ** 31), reverse: fc.boolean() })
    .map(({ since, ...rest }) => (since === undefined ? rest : { ...rest, since }));

  it('is read as it was written', () => {
    fc.assert(
      fc.property(anyText, anyQuery, (name, query) => {
        const bytes = readRequestBytes(name, query);
        const record = written((writer) => writeReadRequest(writer, name, query, bytes));
        expect(record).toHaveLength(bytes);
        expect(readReadRequest(body(record, recordType.read))).toEqual({ name, query });
      }),
    );
  });

  it('takes limits and offsets that no history has to those that it can have', () => {
    for (const [given, read] of [
      [-1, 0],
      [Number.NaN, 0],
      [2.5, 2],
      [Infinity, 2 ** 32 - 1],
    ] as const) {
      const query = { limit: given, since: { epoch: 'e', offset: given } };
      const record = written((writer) => writeReadRequest(writer, 'a', query, readRequestBytes('a', query)));
      const { limit, since } = readReadRequest(body(record, recordType.read)).query;
      expect(limit).toBe(read);
      expect(since?.offset).toBe(given === Infinity ? 2 ** 48 - 1 : read);
    }
  });

  it.each<[string, number[]]>([
    ['unknown flags', [4, 0, 0, 0, 1, 0, 0, 0, 0]],
    ['no position where it says so', [1, 0, 0, 0, 1, 0, 0, 0, 0]],
    ['anything after it', [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]],
  ])('is malformed with %s', (_what, bytes) => {
    const record = Buffer.from(bytes);
    expect(() => readReadRequest(new RecordCursor(record, 0, record.length))).toThrow(MalformedRecordError);
  });
});

describe('the page of a history', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(
        fc.array(anyPublication, { maxLength: 12 }),
        anyPosition,
        fc.boolean(),
        fc.constantFrom(undefined, 'trimmed' as const, 'epoch' as const),
        (publications, position, isReverse, lost) => {
          const first = 1_000;
          const record = written((writer) =>
            writeHistoryPage(
              writer,
              {
                entries: publications.map(contentOf),
                first,
                position,
                ...(lost === undefined ? undefined : { lost }),
              },
              isReverse,
            ),
          );
          const page: HistoryPage = readHistoryPage(body(record, recordType.historyPage), 'name');
          expect(page.position).toEqual(position);
          expect(page.lost).toBe(lost);
          expect(page.publications.map(comparable)).toEqual(
            publications.map((publication, index) =>
              comparable({
                ...publication,
                subscription: 'name',
                position: { epoch: position.epoch, offset: isReverse ? first - index : first + index },
              }),
            ),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each<[string, number[]]>([
    ['an unknown loss', [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['no position', [0, 0, 0, 0]],
    ['half a publication', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0]],
    ['a publication over its end', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0]],
  ])('is malformed with %s', (_what, bytes) => {
    const record = Buffer.from(bytes);
    expect(() => readHistoryPage(new RecordCursor(record, 0, record.length), 'a')).toThrow(MalformedRecordError);
  });
});
