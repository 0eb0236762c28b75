import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../src/lib/token-bucket.ts';

describe('a token bucket', () => {
  it('allows a burst after a rest, and then the rate', () => {
    const bucket = new TokenBucket(10, 3, 0);
    expect([0, 0, 0, 0].map((nowMs) => bucket.take(1, nowMs))).toEqual([true, true, true, false]);
    expect([99, 100, 199, 200].map((nowMs) => bucket.take(1, nowMs))).toEqual([false, true, false, true]);
    expect([10_000, 10_000, 10_000, 10_000].map((nowMs) => bucket.take(1, nowMs))).toEqual([true, true, true, false]);
  });

  it('allows one thing however big, and takes what comes next only when that is paid off', () => {
    const bucket = new TokenBucket(100, 200, 0);
    expect(bucket.take(1_000, 0)).toBe(true);
    expect(bucket.available(0)).toBe(-800);
    expect(bucket.take(1, 8_000)).toBe(false);
    expect(bucket.take(1, 8_010)).toBe(true);
  });

  it('makes up for the time in which nobody could come, beyond the burst, until that is used', () => {
    const bucket = new TokenBucket(100, 200, 0);
    bucket.makeUp(5_000);
    expect(bucket.available(5_000)).toBe(700);
    expect(bucket.available(9_000)).toBe(700);
    expect(bucket.take(600, 9_000)).toBe(true);
    expect(bucket.available(10_000)).toBe(200);
    expect(bucket.available(20_000)).toBe(200);
  });

  it('never allows more than the burst and the rate together, whenever it is asked', () => {
    const rate = fc.integer({ min: 1, max: 1_000 });
    const steps = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200 });
    fc.assert(
      fc.property(rate, fc.integer({ min: 1, max: 50 }), steps, (perSecond, burst, waits) => {
        const bucket = new TokenBucket(perSecond, burst, 0);
        let nowMs = 0;
        let taken = 0;
        for (const wait of waits) {
          nowMs += wait;
          if (bucket.take(1, nowMs)) taken++;
          expect(taken).toBeLessThanOrEqual(burst + (nowMs * perSecond) / 1_000 + 1e-6);
        }
      }),
    );
  });
});
