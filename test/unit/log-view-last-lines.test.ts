import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lastLines } from '../../src/apps/log-view/last-lines.ts';
import { lineLengths, type LineBatch } from '../../src/apps/log-view/line-batch.ts';
import { readRecord, writeRecord, type NodeRecord } from '../../src/apps/log-view/node-record.ts';

const fileLengths = (lines: readonly string[]): number[] => lines.map((line) => Buffer.byteLength(line) + 1);

/** Consecutive batches of one file. */
function batchesOf(groups: readonly (readonly string[])[]): LineBatch[] {
  let end = 0;
  return groups.map((lines) => {
    const start = end;
    end += fileLengths(lines).reduce((sum, length) => sum + length, 0);
    return { node: 'a', file: 'a.log', id: 'f', era: 1, start, end, lines };
  });
}

const groups = fc.array(fc.array(fc.string({ maxLength: 6 }), { maxLength: 5 }), { maxLength: 8 });

describe('the last lines of batches', () => {
  it('are as many as there is room for, with their places', () => {
    fc.assert(
      fc.property(groups, fc.nat(12), fc.nat(60), (given, lines, bytes) => {
        const batches = lastLines(batchesOf(given), { lines, bytes });
        const all = given.flat();
        let most = 0;
        for (let size = 0; most < Math.min(lines, all.length); most++) {
          size += fileLengths([all[all.length - 1 - most] ?? ''])[0] ?? 0;
          if (size > bytes) break;
        }
        expect(batches.flatMap((batch) => batch.lines)).toEqual(most === 0 ? [] : all.slice(-most));
        for (const batch of batches) {
          expect(batch.lines.length).toBeGreaterThan(0);
          expect(batch.end - batch.start).toBe(lineLengths(batch).reduce((sum, length) => sum + length, 0));
        }
      }),
    );
  });

  it('keep how many bytes each of them stands for', () => {
    const batch: LineBatch = {
      node: 'a',
      file: 'a.log',
      id: 'f',
      era: 1,
      start: 10,
      end: 19,
      lines: ['\ufffd', 'b', 'c'],
      lengths: [2, 3, 4],
    };
    expect(lastLines([batch], { lines: 2, bytes: 100 })).toEqual([
      { ...batch, start: 12, lines: ['b', 'c'], lengths: [3, 4] },
    ]);
  });
});

describe('the record of a node', () => {
  const upTo = { epoch: 'e', offset: 7 };
  const read = (record: NodeRecord, log = record.log, node = record.node): NodeRecord | undefined => {
    const { data, info } = writeRecord(record);
    return readRecord({ subscription: 's', data: Buffer.from(data), kind: 'text', exclude: [], info }, log, node);
  };

  it('is read as it was written, whatever lines are in it', () => {
    const line = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\n'));
    fc.assert(
      fc.property(fc.array(fc.array(line, { maxLength: 4 }), { maxLength: 4 }), (given) => {
        const record = { log: 'app', node: 'a', upTo, batches: batchesOf(given) };
        expect(read(record)).toEqual(record);
      }),
    );
  });

  it('is of one log and one node; other publications are none', () => {
    const record = { log: 'app', node: 'a', upTo, batches: [] };
    expect(read(record)).toEqual(record);
    expect(read(record, 'other')).toBeUndefined();
    expect(read(record, 'app', 'b')).toBeUndefined();
    const infos = [undefined, '', 'null', '[]', '{"log":"app","node":"a","upTo":{"epoch":"e","offset":7}}'];
    for (const info of [...infos, '{"log":"app","node":"a","upTo":{"epoch":"e","offset":7},"batches":[null]}']) {
      const bare = { subscription: 's', data: Buffer.alloc(0), kind: 'text', exclude: [] } as const;
      expect(readRecord(info === undefined ? bare : { ...bare, info }, 'app', 'a')).toBeUndefined();
    }
  });
});
