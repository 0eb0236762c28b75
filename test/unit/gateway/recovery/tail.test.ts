import { describe, expect, it } from 'vitest';
import type { Publication } from '../../../../src/broker/broker.ts';
import { Tail } from '../../../../src/gateway/recovery/tail.ts';

const publication: Publication = { subscription: 's', data: Buffer.alloc(10), kind: 'text', exclude: [] };

describe('a tail', () => {
  it('has more than somebody where something newer was forgotten since the mark, and not where they have got it', () => {
    const tail = new Tail();
    for (let offset = 1; offset <= 1_001; offset++) tail.add(publication, 'E', offset);
    expect(tail.size).toBe(1);
    expect(tail.hasMoreThan('E', 999)).toBe(true);
    expect(tail.hasMoreThan('E', 1_001)).toBe(false);
    expect(tail.hasMoreThan('another', 5_000)).toBe(true);
    tail.clear();
    expect(tail.hasMoreThan('E', 999)).toBe(true);
    expect(tail.hasMoreThan('E', 1_000)).toBe(false);
    tail.mark();
    expect(tail.hasMoreThan('E', 0)).toBe(false);
  });
});
