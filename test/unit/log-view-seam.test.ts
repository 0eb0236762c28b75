import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LineBatch } from '../../src/apps/log-view/line-batch.ts';
import { sampleBytes, type FileBacklog } from '../../src/apps/log-view/read-backlog.ts';
import { Seam } from '../../src/apps/log-view/seam.ts';

function batch(start: number, lines: string[], era = 1, id = 'f', node = 'a'): LineBatch {
  const end = start + lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  return { node, file: 'a.log', id, era, start, end, lines };
}

/** The backlog of a file with these lines, of which the last `tail` are sent. */
function backlogOf(lines: readonly string[], tail: number): FileBacklog {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return {
    file: 'a.log',
    id: 'f',
    lines: tail === 0 ? [] : lines.slice(-tail),
    end: bytes.length,
    head: bytes.subarray(0, sampleBytes),
    recent: bytes.subarray(Math.max(0, bytes.length - sampleBytes)),
  };
}

function show(seam: Seam, batches: readonly LineBatch[]): string[] {
  return batches.flatMap((one) => {
    const { batch: shown, gap } = seam.admit(one);
    return [...(gap ? ['(gap)'] : []), ...(shown?.lines ?? [])];
  });
}

describe('the seam between a backlog and what comes live', () => {
  it('drops what the backlog has, cuts the batch that reaches past it, and shows the rest', () => {
    const seam = new Seam();
    seam.begin('a', [backlogOf(['1', '2', '3'], 1)]);
    expect(show(seam, [batch(0, ['1']), batch(2, ['2', '3', '4']), batch(8, ['5'])])).toEqual(['4', '5']);
  });

  it('shows a batch once that is published again', () => {
    const seam = new Seam();
    expect(show(seam, [batch(0, ['1', '2']), batch(0, ['1', '2', '3']), batch(2, ['2']), batch(6, ['4'])])).toEqual([
      '1',
      '2',
      '3',
      '4',
    ]);
  });

  it('tells of lines that did not come', () => {
    const seam = new Seam();
    seam.begin('a', [backlogOf(['1'], 1)]);
    expect(show(seam, [batch(2, ['2']), batch(8, ['5']), batch(2, ['b'], 2)])).toEqual([
      '2',
      '(gap)',
      '5',
      '(gap)',
      'b',
    ]);
  });

  it('keeps files and nodes apart', () => {
    const seam = new Seam();
    seam.begin('a', [backlogOf(['1', '2'], 2)]);
    expect(show(seam, [batch(0, ['x'], 1, 'g'), batch(0, ['y'], 1, 'f', 'b'), batch(0, ['1', '2'])])).toEqual([
      'x',
      'y',
    ]);
  });

  it('shows all of the new contents when the file was truncated after the backlog was read', () => {
    const seam = new Seam();
    seam.begin('a', [
      backlogOf(
        Array.from({ length: 100_000 }, (_, i) => `old ${i}`),
        10,
      ),
    ]);
    expect(show(seam, [batch(0, ['new 1', 'new 2'], 2), batch(12, ['new 3'], 2)])).toEqual(['new 1', 'new 2', 'new 3']);
  });

  it('shows what is left of the old contents, and the new once, when it was truncated before', () => {
    const seam = new Seam();
    seam.begin('a', [backlogOf(['new 1', 'new 2'], 2)]);
    const batches = [batch(6, ['old 2'], 1), batch(12, ['old 3'], 1), batch(0, ['new 1', 'new 2', 'new 3'], 2)];
    expect(show(seam, batches)).toEqual(['old 2', 'old 3', 'new 3']);
  });

  it('shows the new contents once when the old, of which the last come late, were longer than the backlog', () => {
    const seam = new Seam();
    seam.begin('a', [backlogOf(['new 1', 'new 2'], 2)]);
    const old = [batch(900, ['old 98']), batch(907, ['old 99'])];
    const fresh = [batch(0, ['new 1'], 2), batch(6, ['new 2', 'new 3'], 2), batch(18, ['new 4'], 2)];
    expect(show(seam, [...old, ...fresh])).toEqual(['old 98', 'old 99', 'new 3', 'new 4']);
  });

  it('shows the new contents when no more than their first lines are those of the backlog', () => {
    const seam = new Seam();
    seam.begin('a', [backlogOf(['time,level', '1,old', '2,old'], 3)]);
    const batches = [batch(0, ['time,level'], 2), batch(11, ['3,new'], 2), batch(17, ['4,new'], 2)];
    expect(show(seam, batches)).toEqual(['3,new', '4,new']);
  });

  it('takes a file that begins anew with the very same lines for new once the backlog was passed', () => {
    const seam = new Seam();
    seam.begin('a', [backlogOf(['start', 'ready'], 2)]);
    expect(show(seam, [batch(12, ['end']), batch(0, ['start', 'ready', 'end'], 2)])).toEqual([
      'end',
      'start',
      'ready',
      'end',
    ]);
  });

  it('shows lines that the node wrote after a restart, however far the file had come before', () => {
    const seam = new Seam();
    expect(show(seam, [batch(0, ['1', '2', '3'], 100), batch(0, ['x'], 200)])).toEqual(['1', '2', '3', 'x']);
  });

  it('cuts by bytes of the file, not of the text', () => {
    const seam = new Seam();
    seam.begin('a', [backlogOf(['1\r'], 1)]);
    expect(show(seam, [{ ...batch(0, ['1', '2']), end: 6, lengths: [3, 3] }])).toEqual(['2']);
  });

  it('shows each line after the backlog once, however the stream is cut, repeated and truncated', () => {
    const line = fc.tuple(fc.nat(3), fc.boolean()).map(([size, long]) => 'x'.repeat(long ? size * 1_000 : size));
    const contents = fc.array(fc.array(line, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(
        contents,
        fc.nat(),
        fc.nat(),
        fc.nat(),
        fc.nat(2),
        fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
        (eras, eraPick, linePick, behindPick, erasBehind, picks) => {
          // Every line is unlike any other, as lines with timestamps are.
          const unique = eras.map((lines, era) => lines.map((text, i) => `${era}.${i}${text}`));
          const place = (era: number, count: number): number =>
            (unique[era] ?? []).slice(0, count).reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
          const era = eraPick % unique.length;
          const own = unique[era] ?? [];
          const read = linePick % (own.length + 1);
          // What comes may begin before what was read, also in the contents before.
          const firstEra = Math.max(0, era - erasBehind);
          const first = behindPick % ((firstEra === era ? read : (unique[firstEra]?.length ?? 1) - 1) + 1);
          const seam = new Seam();
          seam.begin('a', [backlogOf(own.slice(0, read), 5)]);
          const shown: string[] = [];
          for (let e = firstEra; e < unique.length; e++) {
            const lines = unique[e] ?? [];
            const begin = e === firstEra ? first : 0;
            let next = begin;
            for (let turn = 0; next < lines.length; turn++) {
              const pick = picks[turn % picks.length] ?? 0;
              // Now and then some lines again, as after a worker was killed; never from before what was first seen.
              const from = pick % 5 === 0 ? Math.max(begin, next - (pick % 7)) : next;
              const to = Math.min(lines.length, next + 1 + (pick % 9));
              // Other contents that go on exactly where the backlog ends cannot be told from its own.
              fc.pre(e >= era || place(e, from) !== place(era, read));
              shown.push(...show(seam, [batch(place(e, from), lines.slice(from, to), 10 + e)]));
              next = to;
            }
          }
          const isOld = (text: string): boolean => text !== '(gap)' && Number.parseInt(text, 10) < era;
          expect(shown.filter((text) => !isOld(text))).toEqual([...own.slice(read), ...unique.slice(era + 1).flat()]);
          // Of the old contents those are not shown whose place is within the backlog, where nothing can be compared.
          const old = shown.filter(isOld);
          expect(old).toEqual(
            unique
              .slice(firstEra, era)
              .flat()
              .filter((text) => old.includes(text)),
          );
          const uncompared = 2 * sampleBytes < place(era, read);
          if (!uncompared)
            expect(old).toEqual(
              [...(unique[firstEra] ?? []).slice(first), ...unique.slice(firstEra + 1, era).flat()].filter(
                () => firstEra < era,
              ),
            );
        },
      ),
      { numRuns: 300 },
    );
  });
});
