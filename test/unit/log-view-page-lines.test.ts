import { describe, expect, it } from 'vitest';
import { parseAnsi, stripAnsi } from '../../src/apps/log-view/page/ansi.ts';
import { compileFilter, type FilterOptions, type LineFilter } from '../../src/apps/log-view/page/line-filter.ts';
import { findLevel, findStatus } from '../../src/apps/log-view/page/line-level.ts';
import { markSpans } from '../../src/apps/log-view/page/mark-spans.ts';
import { presentLine, shownText } from '../../src/apps/log-view/page/present-line.ts';
import { spansText } from '../../src/apps/log-view/page/span.ts';

const shown = (text: string, pretty = true): string => spansText(presentLine(text, pretty).spans);

describe('escape sequences', () => {
  it.each([
    [
      '\x1b[31mred\x1b[0m plain',
      [
        ['red', 'fg-1'],
        [' plain', ''],
      ],
    ],
    [
      '\x1b[1;4;92mstrong\x1b[22;24mgreen',
      [
        ['strong', 'bold underline fg-10'],
        ['green', 'fg-10'],
      ],
    ],
    ['\x1b[38;5;12;48;5;1mnamed', [['named', 'fg-12 bg-1']]],
    ['\x1b[mreset', [['reset', '']]],
    ['\x1b[2;3;9mfaint\x1b[23m', [['faint', 'dim italic strike']]],
    [
      '\x1b[7minverse\x1b[27m not',
      [
        ['inverse', 'fg-inverse bg-inverse'],
        [' not', ''],
      ],
    ],
    ['\x1b[31;7mred block', [['red block', 'bg-1']]],
    [
      '\x1b[4:3mcurly\x1b[4:0moff',
      [
        ['curly', 'underline'],
        ['off', ''],
      ],
    ],
    ['\x1b[8mconcealed', [['concealed', '']]],
  ] as const)('%j becomes looks', (text, expected) => {
    expect(parseAnsi(text).map((span) => [span.text, span.look])).toEqual(expected);
  });

  it.each([
    ['\x1b[38;2;1;2;3mx', { foreground: 'rgb(1 2 3)' }],
    ['\x1b[38:2::1:2:3mx', { foreground: 'rgb(1 2 3)' }],
    ['\x1b[38:2:1:2:3mx', { foreground: 'rgb(1 2 3)' }],
    ['\x1b[48;5;208mx', { background: 'rgb(255 135 0)' }],
    ['\x1b[38;5;232mx', { foreground: 'rgb(8 8 8)' }],
    ['\x1b[38;5;255mx', { foreground: 'rgb(238 238 238)' }],
    ['\x1b[38;5;300mx', {}],
    ['\x1b[38;2;1;2mx', {}],
    ['\x1b[38mx', {}],
  ])('%j has the exact colour', (text, colours) => {
    expect(parseAnsi(text)).toEqual([{ text: 'x', look: '', ...colours }]);
  });

  it.each([
    ['cursor \x1b[2K\x1b[1;1Hmoves', 'cursor moves'],
    ['title \x1b]0;evil\x07here', 'title here'],
    ['link \x1b]8;;https://example.test\x1b\\text\x1b]8;;\x1b\\ end', 'link text end'],
    ['charset \x1b(Bhere', 'charset here'],
    ['cut short \x1b[31', 'cut short '],
    ['cut shorter \x1b', 'cut shorter '],
    ['one octet \u009b31mred', 'one octet red'],
    ['private \x1b[?25lhidden', 'private hidden'],
    ['bell \x07 and \0 and \x7f', 'bell ␇ and ␀ and ␡'],
    ['progress 1\r2', 'progress 1␍2'],
    ['a\ttab stays', 'a\ttab stays'],
  ])('%j never reaches the screen raw', (text, expected) => {
    expect(stripAnsi(text)).toBe(expected);
    expect(spansText(parseAnsi(text))).toBe(expected);
  });
});

describe('levels of plain lines', () => {
  it.each([
    ['2026-11-21 ERROR could not', 'error', 'ERROR'],
    ['[warn] careful', 'warn', 'warn'],
    ['[Fri Nov 21] [core:error] [pid 3] no', 'error', 'error'],
    ['ts=1 level=info msg=x', 'info', 'info'],
    ['ts=1 level="debug" msg=x', 'debug', 'debug'],
    ['[21/Nov/2026][-main-] Notice: started', 'info', 'Notice'],
    ['[21/Nov/2026][-main-] Debug(task): x', 'debug', 'Debug'],
    ['CRITICAL: on fire', 'fatal', 'CRITICAL'],
    ['TRACE x', 'trace', 'TRACE'],
  ])('%j', (text, level, word) => {
    const found = findLevel(text);
    expect(found?.level).toBe(level);
    expect(text.slice(found?.start, found?.end)).toBe(word);
  });

  it.each(['no error here', 'an information desk', 'TERROR', `${'x'.repeat(200)} ERROR`, ''])('%j has none', (text) => {
    expect(findLevel(text)).toBeUndefined();
  });
});

describe('access log lines', () => {
  const line = (status: number, request = 'GET / HTTP/1.1'): string =>
    `127.0.0.1 - ada [21/Nov/2026:11:03:05 +0000] "${request}" ${status} 9 "-" "curl/8 ERROR" 3 -`;

  it.each([
    [101, undefined, 'status-1'],
    [204, undefined, 'status-2'],
    [304, undefined, 'status-3'],
    [404, 'warn', 'status-4'],
    [503, 'error', 'status-5'],
  ])('status %i', (status, level, look) => {
    const text = line(status);
    const found = findStatus(text);
    expect(found).toMatchObject({ level, look });
    expect(text.slice(found?.start, found?.end)).toBe(String(status));
    expect(presentLine(text, true).level).toBe(level);
  });

  it('reads a request with quotes in it', () => {
    expect(findStatus(line(500, 'GET /\\"200 HTTP/1.1'))).toMatchObject({ look: 'status-5' });
  });
});

describe('JSON lines', () => {
  const line =
    '{"level":40,"time":1763722985274,"pid":7,"hostname":"box","event":"slow","msg":"outbox is full","bytes":12,"note":"two words"}';

  it('of pino are shown as time, level, message and the rest', () => {
    expect(presentLine(line, true).level).toBe('warn');
    expect(shown(line)).toMatch(
      /^\d\d:\d\d:05\.274 WARN  outbox is full {2}event=slow {2}bytes=12 {2}note="two words"$/,
    );
  });

  it('stay as they are when the reader wants them raw, and keep their level', () => {
    expect(presentLine(line, false)).toEqual({ level: 'warn', spans: [{ text: line, look: '' }] });
  });

  it.each([
    ['{"level":35,"msg":"x"}', 'info'],
    ['{"level":"ERROR","message":"x"}', 'error'],
    ['{"severity":"critical","message":"x"}', 'fatal'],
    ['{"level":10}', 'trace'],
    ['{"msg":"no level"}', undefined],
  ])('%s has its level', (text, level) => {
    expect(presentLine(text, true).level).toBe(level);
  });

  it.each(['{"a":1}', '{not json}', '[1]', '{"level":30', 'x {"level":30}'])('%s is shown as it is', (text) => {
    expect(shown(text)).toBe(text);
  });

  it('show the stack of an error on lines of its own', () => {
    const error = { type: 'TypeError', message: 'no', stack: 'TypeError: no\n    at x', code: 7 };
    expect(shown(JSON.stringify({ level: 50, msg: 'm', err: error }))).toBe(
      'ERROR m  err=TypeError: no\n    at x {"code":7}',
    );
  });

  it('cannot smuggle escape sequences in', () => {
    const text = JSON.stringify({ level: 30, msg: 'a\x1b[31mb', 'k\x1b[1m': 'v\x1b]0;t\x07w', o: { x: '\u009b31m' } });
    expect(shown(text)).toBe('INFO  ab  k=vw  o={"x":""}');
  });

  it('are searched as they are shown', () => {
    for (const text of [line, '\x1b[31mred\x1b[0m', 'plain ERROR']) {
      for (const pretty of [true, false]) expect(shownText(text, pretty)).toBe(shown(text, pretty));
    }
  });
});

describe('the filter', () => {
  const filter = (options: Partial<FilterOptions> & { text: string }): LineFilter => {
    const compiled = compileFilter({ regularExpression: false, matchCase: false, invert: false, ...options });
    if ('problem' in compiled) throw new Error(compiled.problem);
    return compiled.filter;
  };

  it('passes everything when it is empty, inverted or not', () => {
    expect(filter({ text: '', invert: true }).passesAll).toBe(true);
  });

  it('takes text literally and without regard to case', () => {
    expect(filter({ text: 'A.B(' }).passes('xa.b(y')).toBe(true);
    expect(filter({ text: 'a.b' }).passes('axb')).toBe(false);
    expect(filter({ text: 'A', matchCase: true }).passes('a')).toBe(false);
  });

  it('answers the same however often it is asked', () => {
    const { passes, ranges } = filter({ text: 'b+', regularExpression: true });
    expect([passes('abb'), passes('abb'), ranges('abb'), passes('abb'), ranges('abb')]).toEqual([
      true,
      true,
      [{ start: 1, end: 3 }],
      true,
      [{ start: 1, end: 3 }],
    ]);
  });

  it('shows the rest when inverted, and marks nothing', () => {
    const inverted = filter({ text: 'a', invert: true });
    expect([inverted.passes('a'), inverted.passes('b'), inverted.ranges('b')]).toEqual([false, true, []]);
  });

  it('explains an invalid expression', () => {
    const options = { text: '(', regularExpression: true, matchCase: false, invert: false };
    expect(compileFilter(options)).toEqual({ problem: 'Unterminated group' });
  });

  it('survives an expression that matches nothing everywhere', () => {
    expect(filter({ text: 'x*', regularExpression: true }).ranges('axxa')).toEqual([{ start: 1, end: 3 }]);
  });
});

describe('marking', () => {
  it('cuts spans at the bounds of matches and keeps their looks', () => {
    const spans = [
      { text: 'abc', look: 'one' },
      { text: 'def', look: 'two' },
    ];
    const marked = markSpans(spans, [
      { start: 1, end: 2 },
      { start: 2, end: 5 },
    ]);
    expect(marked).toEqual([
      { text: 'a', look: 'one', marked: false },
      { text: 'b', look: 'one', marked: true },
      { text: 'c', look: 'one', marked: true },
      { text: 'de', look: 'two', marked: true },
      { text: 'f', look: 'two', marked: false },
    ]);
  });
});
