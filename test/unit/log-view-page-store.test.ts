import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LinesMessage } from '../../src/apps/log-view/log-view-protocol.ts';
import { Journal, overlap } from '../../src/apps/log-view/page/journal.ts';
import type { LineRing, NewLine } from '../../src/apps/log-view/page/line-ring.ts';
import { LineStore } from '../../src/apps/log-view/page/line-store.ts';
import { fileKey, rejoin } from '../../src/apps/log-view/page/rejoin.ts';

const line = (text: string): NewLine => ({ node: 'a', file: 'f', text, notice: false });

const texts = (ring: LineRing): string[] => [...ring].map(({ text }) => text);

describe('the store', () => {
  it('holds lines back while paused and shows all of them in order afterwards', () => {
    const store = new LineStore();
    store.push(line('1'));
    store.pause();
    store.push(line('2'));
    store.push(line('3'));
    expect([texts(store.shown), store.held]).toEqual([['1'], 2]);
    store.resume();
    store.push(line('4'));
    expect([texts(store.shown), store.held]).toEqual([['1', '2', '3', '4'], 0]);
  });

  it('says in the log how many lines of a long pause had to go', () => {
    const store = new LineStore({ shown: { lines: 2, characters: 1_000 }, paused: { lines: 3, characters: 1_000 } });
    store.push(line('0'));
    store.pause();
    for (const text of ['1', '2', '3', '4']) store.push(line(text));
    expect(store.heldDropped).toBe(2);
    store.resume();
    expect([...store.shown].map(({ text, notice }) => (notice ? text.slice(0, 20) : text))).toEqual([
      '2 lines dropped here',
      '3',
      '4',
    ]);
    expect(store.heldDropped).toBe(0);
  });

  it('holds a pause of minutes, and shows all of it afterwards', () => {
    const store = new LineStore();
    store.push(line('before'));
    store.pause();
    for (let i = 0; i < 1_000_000; i++) store.push(line(String(i)));
    expect([store.held, store.heldDropped]).toEqual([1_000_000, 0]);
    store.resume();
    expect([store.shown.length, store.dropped, store.shown.at(1)?.text]).toEqual([1_000_001, 0, '0']);
  });

  it('goes back to keeping what it usually keeps while new lines come, no faster than they can be read', () => {
    const store = new LineStore({ shown: { lines: 3, characters: 100 }, paused: { lines: 100, characters: 1_000 } });
    store.pause();
    for (const text of ['1', '2', '3', '4', '5', '6']) store.push(line(text));
    store.resume();
    expect(texts(store.shown)).toEqual(['1', '2', '3', '4', '5', '6']);
    store.push(line('7'));
    expect(texts(store.shown)).toEqual(['3', '4', '5', '6', '7']);
    for (const text of ['8', '9']) store.push(line(text));
    expect([texts(store.shown), store.dropped]).toEqual([['7', '8', '9'], 6]);
    store.push(line('x'.repeat(99)));
    expect(texts(store.shown)).toEqual(['9', 'x'.repeat(99)]);
  });
});

describe('the overlap of a backlog with what is known', () => {
  it.each([
    ['a b c', 'b c d e', 2],
    ['a b c', 'x y a b c d', 5],
    ['a b c', 'a b c', 3],
    ['a b c', 'd e', 0],
    ['', 'a b', 0],
    ['a b c', '', 0],
    ['b c', 'c', 1],
    ['x', 'x x x', 1],
    ['a a b', 'a b a a b c', 5],
  ])('%j then %j: %i lines', (known, backlog, expected) => {
    const split = (text: string): string[] => text.split(' ').filter(Boolean);
    expect(overlap(split(known), split(backlog))).toBe(expected);
  });

  it('loses and repeats nothing of lines that differ, wherever the connection was lost', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), fc.nat(60), fc.nat(60), (from, count, until, tail) => {
        const file = Array.from({ length: 120 }, (_, i) => `line ${i}`);
        const known = file.slice(from, from + count);
        const end = Math.min(120, from + count + until);
        const backlog = file.slice(Math.max(0, end - tail), end);
        const skip = overlap(known, backlog);
        if (known.length === 0 || tail < until) return;
        expect([...known, ...backlog.slice(skip)]).toEqual(file.slice(from, end));
      }),
    );
  });
});

describe('a backlog after a reconnection', () => {
  const backlog = (lines: readonly string[], file = 'a.log', node = 'a'): LinesMessage => ({
    type: 'lines',
    log: 'app',
    node,
    file,
    lines,
    backlog: true,
  });
  const known = (...batches: readonly LinesMessage[]): Journal => {
    const journal = new Journal();
    for (const batch of batches) journal.note(fileKey(batch), batch.lines);
    return journal;
  };

  it('goes on where every file was left', () => {
    const journal = known(backlog(['1', '2']), backlog(['x'], 'b.log'), backlog(['y'], 'a.log', 'b'));
    const { fresh, isWhole } = rejoin(journal, 'a', [
      backlog(['x', 'z'], 'b.log'),
      backlog(['1']),
      backlog(['2', '3']),
    ]);
    expect(fresh.map(([{ file }, lines]) => [file, ...lines])).toEqual([
      ['b.log', 'z'],
      ['a.log', '3'],
    ]);
    expect(isWhole).toBe(true);
  });

  it.each([
    ['a file has nothing left, as after it was emptied', [backlog(['x'], 'b.log')]],
    ['nothing has come back at all', []],
    ['nothing of a file is known, as after it was rotated', [backlog(['x'], 'b.log'), backlog(['3'])]],
  ])('may lack lines when %s', (_, batches) => {
    const journal = known(backlog(['1', '2']), backlog(['x'], 'b.log'));
    expect(rejoin(journal, 'a', batches).isWhole).toBe(false);
  });

  it('may lack lines of a file that is new when there is no room for more', () => {
    const batches = (count: number, text = ''): LinesMessage[] => [
      backlog(Array.from({ length: count }, (_, i) => `${i}${text}`)),
    ];
    expect(rejoin(known(), 'a', batches(9_999)).isWhole).toBe(true);
    expect(rejoin(known(), 'a', batches(10_000)).isWhole).toBe(false);
    expect(rejoin(known(), 'a', batches(1_000, 'ü'.repeat(500))).isWhole).toBe(false);
  });
});
