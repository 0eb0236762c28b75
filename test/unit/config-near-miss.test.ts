import { describe, expect, it } from 'vitest';
import { editDistance, nearMiss } from '../../src/lib/near-miss.ts';
import { quote } from '../../src/lib/quote.ts';

describe('a near miss', () => {
  it.each([
    ['prot', ['host', 'port'], 'port'],
    ['PORT', ['port'], 'port'],
    ['message-bytes', ['messageBytes'], 'messageBytes'],
    ['urlss', ['urls'], 'urls'],
    ['colour', ['host', 'port'], undefined],
    ['x', ['y'], undefined],
    ['', ['port'], undefined],
    ['port', [], undefined],
    ['p'.repeat(1000), ['port'], undefined],
  ])('of %j among %j is %j', (word, candidates, expected) => {
    expect(nearMiss(word, candidates)).toBe(expected);
  });

  it('counts insertions, deletions, substitutions and swaps', () => {
    expect(editDistance('port', 'ports')).toBe(1);
    expect(editDistance('port', 'pot')).toBe(1);
    expect(editDistance('port', 'part')).toBe(1);
    expect(editDistance('port', 'prot')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });
});

describe('a quoted text', () => {
  it('is short and does nothing to a terminal', () => {
    expect(quote('a"b')).toBe('"a\\"b"');
    expect(quote('\u001b[31m\u009b\u202e\n')).toBe('"\\u001b[31m\\u009b\\u202e\\n"');
    expect(quote('x'.repeat(100), 5)).toBe('"xxxx…"');
  });
});
