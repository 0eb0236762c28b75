import { describe, expect, it } from 'vitest';
import { slotOf } from '../../../../src/broker/redis/redis-slot.ts';

describe('the slot of a key', () => {
  it.each([
    // From the Redis Cluster specification and its appendix.
    ['123456789', 12_739],
    ['', 0],
    ['foo', 12_182],
    ['{user1000}.following', 3_443],
    ['{user1000}.followers', 3_443],
  ])('of %j is %i', (key, slot) => {
    expect(slotOf(key)).toBe(slot);
    expect(slotOf(Buffer.from(key))).toBe(slot);
  });

  it('counts only a hash tag that has something in it', () => {
    expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'));
    expect(slotOf('foo{bar}{zap}')).toBe(slotOf('bar'));
    expect(slotOf('foo{}{bar}')).not.toBe(slotOf('bar'));
    expect(slotOf('foo}{bar')).not.toBe(slotOf('bar'));
  });
});
