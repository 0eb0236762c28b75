import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../src/metrics/histogram.ts';

describe('a histogram', () => {
  it('counts each observation in the first bucket whose bound it does not exceed', () => {
    const histogram = new Histogram([1, 2, 5]);
    for (const value of [0.5, 1, 1.5, 5, 7]) histogram.observe(value);
    expect(histogram.buckets).toEqual([2, 1, 1]);
    expect(histogram).toMatchObject({ count: 5, sum: 15 });
  });
});
