import { describe, expect, it } from 'vitest';
import { RetryWindow } from '../../src/http/retry-window.ts';

describe('the window in which refused clients come back', () => {
  const after = (refused: number, perSecond: number): number[] => {
    const retry = new RetryWindow(perSecond);
    return Array.from({ length: refused }, () => retry.next());
  };

  it('is as long as it takes to accept them, twice over, and they are spread over it', () => {
    const seconds = after(5_000, 1_000);
    expect(Math.min(...seconds)).toBe(1);
    expect(Math.max(...seconds)).toBeLessThanOrEqual(11);
    for (let second = 1; second <= 10; second++) {
      const share = seconds.filter((each) => each === second).length;
      // The first of them know of few others; nobody's second is more than the worker takes in two.
      expect(share).toBeLessThan(2_000);
      expect(share).toBeGreaterThan(0);
    }
  });

  it('is short for a few and never longer than five minutes', () => {
    expect(Math.max(...after(10, 1_000))).toBeLessThanOrEqual(2);
    expect(Math.max(...after(5_000, 1))).toBeLessThanOrEqual(300);
  });
});
