import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TurnBudget } from '../../src/http/turn-budget.ts';

describe('a budget per turn', () => {
  it('does the rest in the next turns, in order', async () => {
    const budget = new TurnBudget(3);
    const done: number[] = [];
    for (let i = 0; i < 8; i++) budget.run(() => done.push(i));
    expect(done).toEqual([0, 1, 2]);
    await nextTurn();
    expect(done).toEqual([0, 1, 2, 3, 4, 5]);
    budget.run(() => done.push(8));
    expect(done).toHaveLength(6);
    await nextTurn();
    expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    await nextTurn();
    budget.run(() => done.push(9));
    expect(done.at(-1)).toBe(9);
  });
});
