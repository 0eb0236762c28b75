import { describe, expect, it } from 'vitest';
import { Counts } from '../../../src/metrics/counts.ts';

describe('counts', () => {
  it("keep Carillon's own close codes by themselves, and those that anybody can make up by their thousand", () => {
    const counts = new Counts();
    for (const code of [1000, 1006, 1000, 3000, 3999, 4000, 4499, 4500, 4503, 4600, 4999])
      counts.countClose(code, true);
    // Which a client can make up too.
    for (const code of [1000, 4501, 4502]) counts.countClose(code, false);
    expect(Object.fromEntries(counts.closes)).toEqual({
      '1000': 3,
      '1006': 1,
      '3xxx': 2,
      '4xxx': 6,
      '4500': 1,
      '4503': 1,
    });
  });

  it('know every reason and limit from the start, and all refusals together', () => {
    const counts = new Counts();
    expect([...counts.handshakesRefusedBy.values(), ...counts.limitsExceeded.values()].every((n) => n === 0)).toBe(
      true,
    );
    counts.countHandshakeRefused('origin');
    counts.countHandshakeRefused('rate');
    counts.countHandshakeRefused('rate');
    counts.countLimit('subscriptions');
    expect(counts.handshakesRefused).toBe(3);
    expect(counts.handshakesRefusedBy.get('rate')).toBe(2);
    expect(counts.limitsExceeded.get('subscriptions')).toBe(1);
  });
});
