import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { downloadName } from '../../src/apps/log-view/page/download.ts';
import { filesNote } from '../../src/apps/log-view/page/files-note.ts';
import { compileFilter, type LineFilter } from '../../src/apps/log-view/page/line-filter.ts';
import { LineRing, type NewLine } from '../../src/apps/log-view/page/line-ring.ts';
import { LineView } from '../../src/apps/log-view/page/line-view.ts';
import { Origins } from '../../src/apps/log-view/page/origins.ts';
import { RateMeter } from '../../src/apps/log-view/page/rate-meter.ts';
import { MeasuredHeights, UniformHeights } from '../../src/apps/log-view/page/row-heights.ts';
import { readSettings, readSubject, writeSettings, writeSubject } from '../../src/apps/log-view/page/settings.ts';

const line = (text: string, node = 'a', notice = false): NewLine => ({ node, file: 'f', text, notice });

const filterOf = (text: string): LineFilter => {
  const compiled = compileFilter({ text, regularExpression: false, matchCase: false, invert: false });
  if ('problem' in compiled) throw new Error(compiled.problem);
  return compiled.filter;
};

const texts = (ring: LineRing): string[] => [...ring].map(({ text }) => text);

describe('the ring of lines', () => {
  it('keeps the newest and says how many had to go', () => {
    const ring = new LineRing({ lines: 3, characters: 100 });
    const dropped = ['1', '2', '3', '4', '5'].map((text) => ring.push(line(text)));
    expect(dropped).toEqual([0, 0, 0, 1, 1]);
    expect(texts(ring)).toEqual(['3', '4', '5']);
    expect([ring.first, ring.end, ring.at(1), ring.at(2)?.text]).toEqual([2, 5, undefined, '3']);
  });

  it('keeps within its cap of characters, except for a single longer line', () => {
    const ring = new LineRing({ lines: 10, characters: 5 });
    for (const text of ['aa', 'bb', 'cc']) ring.push(line(text));
    expect(texts(ring)).toEqual(['bb', 'cc']);
    expect(ring.push(line('too long'))).toBe(2);
    expect(texts(ring)).toEqual(['too long']);
  });

  it('goes on counting after it was cleared', () => {
    const ring = new LineRing({ lines: 2, characters: 100 });
    for (const text of ['1', '2', '3']) ring.push(line(text));
    ring.clear();
    expect(texts(ring)).toEqual([]);
    for (const text of ['4', '5', '6']) ring.push(line(text));
    expect(texts(ring)).toEqual(['5', '6']);
    expect(ring.at(5)?.text).toBe('6');
  });
});

describe('the view', () => {
  const shownText = ({ text }: { text: string }): string => text;

  it('is what a plain filter over the ring would be, whatever comes and goes and however it is sliced', () => {
    const event = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          push: fc.constantFrom('x', 'y', 'xy'),
          node: fc.constantFrom('a', 'b'),
          notice: fc.boolean(),
        }),
      },
      { weight: 3, arbitrary: fc.constant('advance' as const) },
      { weight: 1, arbitrary: fc.constant('clear' as const) },
      { weight: 1, arbitrary: fc.record({ filter: fc.constantFrom('', 'x'), node: fc.constantFrom('a', undefined) }) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 400 }), (events) => {
        const ring = new LineRing({ lines: 50, characters: 1_000 });
        let criteria = { node: undefined as string | undefined, filter: filterOf(''), shownText };
        const view = new LineView(ring, criteria);
        // A clock on which every look takes 1 ms: one slice of 64 lines per advance.
        let now = 0;
        for (const happened of events) {
          if (happened === 'advance') view.advance(0, () => now++);
          else if (happened === 'clear') ring.clear();
          else if ('push' in happened) ring.push(line(happened.push, happened.node, happened.notice));
          else {
            criteria = { node: happened.node, filter: filterOf(happened.filter), shownText };
            view.restart(criteria);
          }
        }
        expect(view.advance(Infinity)).toBe(true);
        const expected = [...ring].filter(
          ({ text, node, notice }) =>
            notice || ((criteria.node === undefined || node === criteria.node) && criteria.filter.passes(text)),
        );
        const seen = Array.from({ length: view.length }, (_, i) => view.lineAt(view.first + i));
        expect(seen).toEqual(expected);
        for (const [i, { serial }] of expected.entries()) expect(view.positionOf(serial)).toBe(view.first + i);
      }),
    );
  });

  it('stops when its time is up and goes on from there', () => {
    const ring = new LineRing({ lines: 1_000, characters: 10_000 });
    for (let i = 0; i < 200; i++) ring.push(line('x'));
    const view = new LineView(ring, { node: undefined, filter: filterOf('x'), shownText });
    let now = 0;
    expect([view.advance(1, () => now++), view.length, view.pending]).toEqual([false, 64, 136]);
    expect([view.advance(Infinity), view.length, view.pending]).toEqual([true, 200, 0]);
  });
});

describe('heights of rows', () => {
  it('measured one by one, answer as a plain list of heights would', () => {
    const event = fc.oneof(
      { weight: 6, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 90 }) }) },
      { weight: 2, arbitrary: fc.record({ set: fc.nat(15), height: fc.integer({ min: 1, max: 90 }) }) },
      { weight: 2, arbitrary: fc.record({ drop: fc.integer({ min: 1, max: 6 }) }) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), fc.nat(1_500), fc.nat(40), (events, offset, start) => {
        const heights = new MeasuredHeights(16, start);
        let first = start;
        let model: number[] = [];
        for (const happened of events) {
          if ('append' in happened) {
            if (model.length === 16) continue;
            heights.append(happened.append);
            model.push(happened.append);
          } else if ('set' in happened) {
            if (happened.set >= model.length) continue;
            heights.set(first + happened.set, happened.height);
            model[happened.set] = happened.height;
          } else {
            const dropped = model.slice(0, happened.drop).reduce((sum, height) => sum + height, 0);
            expect(heights.dropTo(first + happened.drop)).toBe(dropped);
            first += happened.drop;
            model = model.slice(happened.drop);
          }
        }
        const total = model.reduce((sum, height) => sum + height, 0);
        expect([heights.first, heights.end, heights.total]).toEqual([first, first + model.length, total]);
        let sum = 0;
        for (const [i, height] of model.entries()) {
          expect(heights.offsetOf(first + i)).toBe(sum);
          expect(heights.positionAt(sum + height / 2)).toBe(first + i);
          sum += height;
        }
        expect(heights.offsetOf(first + model.length)).toBe(total);
        const position = heights.positionAt(offset);
        expect(position >= first && position <= Math.max(first, first + model.length - 1)).toBe(true);
      }),
    );
  });

  it('all alike, are arithmetic', () => {
    const heights = new UniformHeights(20, 5);
    for (let i = 0; i < 10; i++) heights.append();
    expect(heights.dropTo(7)).toBe(40);
    expect([
      heights.total,
      heights.offsetOf(9),
      heights.positionAt(59),
      heights.positionAt(1e6),
      heights.positionAt(-5),
    ]).toEqual([160, 40, 9, 14, 7]);
  });
});

describe('lines per second', () => {
  it('are the mean of the last three seconds and fall to zero', () => {
    const rate = new RateMeter(3_000);
    for (let ms = 0; ms < 10_000; ms += 250) rate.add(1_250, ms);
    expect(rate.perSecond(9_750)).toBe(5_000);
    expect(rate.perSecond(11_250)).toBe(2_500);
    expect(rate.perSecond(60_000)).toBe(0);
  });
});

describe('where lines are from', () => {
  it('is said only where lines of several nodes or files are shown together', () => {
    const origins = new Origins(true);
    const from = (node: string, file: string): string | undefined =>
      origins.of({ serial: 0, node, file, text: '', notice: false });
    origins.saw('a', 'x.log');
    expect([from('a', 'x.log'), origins.widthCh]).toEqual([undefined, 0]);
    expect(origins.saw('bell', 'x.log')).toBe(true);
    expect([from('a', 'x.log'), origins.widthCh]).toEqual(['a', 5]);
    expect(origins.saw('a', 'y.log')).toBe(true);
    expect(from('a', 'y.log')).toBe('a y.log');
    origins.ofAllNodes = false;
    expect(from('a', 'y.log')).toBe('y.log');
    expect(origins.saw('a', 'y.log')).toBe(false);
  });
});

describe('what the page remembers', () => {
  it('survives a storage that is empty, broken, foreign or refused', () => {
    const standard = { wrap: false, pretty: true, shortcuts: true };
    for (const stored of [null, '{', '7', '{"wrap":"yes"}'])
      expect(readSettings(() => ({ getItem: () => stored }))).toEqual(standard);
    const refused = (): never => {
      throw new Error('SecurityError');
    };
    expect(readSettings(refused)).toEqual(standard);
    expect(() => writeSettings(refused, standard)).not.toThrow();
    expect(readSettings(() => ({ getItem: () => '{"wrap":true,"shortcuts":false}' }))).toEqual({
      wrap: true,
      pretty: true,
      shortcuts: false,
    });
  });

  it('puts log, node and filter into the address and leaves the rest of it alone', () => {
    const query = new URLSearchParams('token=t&log=old&case=1');
    const subject = {
      log: 'app',
      node: 'a b',
      filter: 'x&y',
      regularExpression: true,
      matchCase: false,
      invert: false,
    };
    const written = writeSubject(query, subject);
    expect(written.toString()).toBe('token=t&log=app&node=a+b&filter=x%26y&regex=1');
    expect(readSubject(written)).toEqual(subject);
  });
});

describe('small texts', () => {
  it('name a download so that every file system takes it', () => {
    expect(downloadName('my/../log: ä', new Date('2026-11-21T11:03:05.123Z'))).toBe(
      'my-..-log-ä-2026-11-21T11-03-05Z.log',
    );
  });

  it('say what keeps a log empty', () => {
    expect(filesNote([])).toBe('No file belongs to it yet.');
    expect(filesNote([{ file: 'a', state: 'followed' }])).toBe('');
    expect(
      filesNote([
        { file: 'a', state: 'missing' },
        { file: 'b', state: 'unreadable' },
      ]),
    ).toBe('Not there yet: a. The server may not read b.');
  });
});
