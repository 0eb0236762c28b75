import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../src/apps/log-view/line-splitter.ts';
import { lineCapBytes } from '../../src/apps/log-view/log-view-protocol.ts';

function texts(...chunks: (string | Buffer)[]): string[] {
  const splitter = new LineSplitter();
  return chunks.flatMap((chunk) => splitter.split(Buffer.from(chunk))).map(({ text }) => text);
}

describe('cutting bytes into lines', () => {
  it('gives a line when its line end has come, and not before', () => {
    const splitter = new LineSplitter();
    expect(splitter.split(Buffer.from('one\ntw'))).toEqual([{ text: 'one', bytes: 4 }]);
    expect(splitter.heldBytes).toBe(2);
    expect(splitter.split(Buffer.from('o\n'))).toEqual([{ text: 'two', bytes: 4 }]);
    expect(splitter.heldBytes).toBe(0);
  });

  it('gives what has begun when no line end is expected any more', () => {
    const splitter = new LineSplitter();
    splitter.split(Buffer.from('one\ntw'));
    expect(splitter.finish()).toEqual({ text: 'tw', bytes: 2 });
    expect(splitter.finish()).toBeUndefined();
  });

  it('drops the CR of a CRLF, also when a chunk ends between them, and keeps every other CR', () => {
    expect(texts('one\r\ntwo\r', '\nth\rree\n\r\n')).toEqual(['one', 'two', 'th\rree', '']);
  });

  it('keeps NUL bytes and empty lines, and shows bytes that are not UTF-8 as U+FFFD', () => {
    expect(texts('a\0b\n\n', Buffer.from([0x66, 0xff, 0x0a]))).toEqual(['a\0b', '', 'f\ufffd']);
  });

  it('shows a line of just the cap whole, with and without CR', () => {
    const line = 'x'.repeat(lineCapBytes);
    expect(texts(`${line}\n${line}\r\n`, line, '\r', '\n')).toEqual([line, line, line]);
  });

  it('cuts a longer line, says by how much, and counts all its bytes', () => {
    const splitter = new LineSplitter();
    const chunk = Buffer.alloc(64 * 1024, 'x');
    for (let i = 0; i < 160; i++) expect(splitter.split(chunk)).toEqual([]);
    const [line] = splitter.split(Buffer.from('yz\nnext\n'));
    const bytes = 160 * chunk.length + 2;
    expect(line).toEqual({
      text: `${'x'.repeat(lineCapBytes)} … [${bytes - lineCapBytes} bytes cut]`,
      bytes: bytes + 1,
    });
  });

  it('keeps a third of a line that is not UTF-8 and would grow beyond the cap when it is shown', () => {
    const whole = Math.floor(lineCapBytes / 3);
    const bytes = (count: number): Buffer => Buffer.from([...Buffer.alloc(count, 0xff), 0x0a]);
    const split = (count: number) => new LineSplitter().split(bytes(count))[0];
    expect(split(whole)).toEqual({ text: '\ufffd'.repeat(whole), bytes: whole + 1 });
    for (const count of [whole + 1, lineCapBytes, lineCapBytes + 1]) {
      const cut = `${'\ufffd'.repeat(whole)} … [${count - whole} bytes cut]`;
      expect(split(count)).toEqual({ text: cut, bytes: count + 1 });
    }
  });

  it('does not cut within a character', () => {
    const [line] = texts(`${'x'.repeat(lineCapBytes - 1)}€€\n`);
    expect(line).toBe(`${'x'.repeat(lineCapBytes - 1)} … [6 bytes cut]`);
  });

  it('gives the same lines wherever the chunks are cut', () => {
    const part = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\n', '\r\n', '\0', 'ü€😀'));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), fc.array(fc.nat(), { maxLength: 20 }), (parts, cuts) => {
        const bytes = Buffer.from(parts.join(''));
        const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const splitter = new LineSplitter();
        const lines = places.slice(1).flatMap((end, i) => splitter.split(bytes.subarray(places[i], end)));
        const rest = splitter.finish();
        const expected = bytes.toString().split('\n');
        const last = expected.pop() ?? '';
        expect(lines.map(({ text }) => text)).toEqual(expected.map((line) => line.replace(/\r$/, '')));
        expect(rest?.text ?? '').toBe(last.replace(/\r$/, ''));
        expect([...lines, ...(rest ? [rest] : [])].reduce((sum, line) => sum + line.bytes, 0)).toBe(bytes.length);
      }),
    );
  });
});
