import { describe, expect, test } from 'vitest';
import { type Joining, Joinings } from '../../../src/gateway/joining.ts';

const joiningOf = (name: string): Joining => ({ name, pending: 0, hasSucceeded: false, isPresent: false });

describe('the subscriptions of a connection', () => {
  test.each([1, 2, 5])('are found by name, and gone when they are left (%i)', (count) => {
    const all = Array.from({ length: count }, (_, index) => joiningOf(`bell-${index}`));
    const joinings = new Joinings();
    for (const joining of all) joinings.add(joining);

    expect([...joinings.values()]).toEqual(all);
    for (const joining of all) expect(joinings.get(joining.name)).toBe(joining);
    expect(joinings.has('another')).toBe(false);
    expect(joinings.delete('another')).toBeUndefined();
    for (const joining of all) {
      expect(joinings.delete(joining.name)).toBe(joining);
      expect(joinings.has(joining.name)).toBe(false);
    }
    expect([...joinings.values()]).toEqual([]);
  });

  test('can be joined again after they were left', () => {
    const joinings = new Joinings();
    for (let round = 0; round < 3; round++) {
      const [first, second] = [joiningOf('first'), joiningOf('second')];
      joinings.add(first);
      joinings.add(second);
      expect(joinings.delete('first')).toBe(first);
      joinings.add(first);
      expect([...joinings.values()]).toEqual([second, first]);
      joinings.delete('second');
      joinings.delete('first');
    }
  });
});
