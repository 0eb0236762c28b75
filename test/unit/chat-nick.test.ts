import { describe, expect, it } from 'vitest';
import { checkNick } from '../../src/apps/chat/nick.ts';

describe('a nickname', () => {
  it.each([
    ['Anna', 'Anna'],
    ['  Anna \t', 'Anna'],
    ['Anna   Maria', 'Anna Maria'],
    ['Anna\u00a0Maria', 'Anna Maria'],
    ['e\u0301', 'é'],
    ['محمد', 'محمد'],
    ['می‌خواهم', 'می‌خواهم'],
    ['👩‍👩‍👧‍👦', '👩‍👩‍👧‍👦'],
    ['a'.repeat(32), 'a'.repeat(32)],
    ['👩‍👩‍👧‍👦'.repeat(22), '👩‍👩‍👧‍👦'.repeat(22)],
  ])('%j is used as %j', (raw, nick) => {
    expect(checkNick(raw)).toEqual({ nick });
  });

  it.each([
    ['', /empty/],
    [' \n ', /empty/],
    ['a\nb', /line break/],
    ['a\u0000b', /control/],
    ['a\u2028b', /line break/],
    ['a\ud800b', /control/],
    ['Anna\u202eBen', /direction/],
    ['a\u200bb', /invisible/],
    ['\u200d', /nothing to see/],
    ['\u0301', /nothing to see/],
    ['a'.repeat(33), /too long; expected 1 to 32/],
    [`a${'\u0301'.repeat(300)}`, /too long/],
    ['a'.repeat(100_000), /too long/],
  ])('%j is refused', (raw, problem) => {
    expect(checkNick(raw)).toMatchObject({ problem: expect.stringMatching(problem) });
  });
});
