import { describe, expect, it } from 'vitest';
import { Gate, GateFullError } from '../../src/auth/gate.ts';
import { deferred, type Deferred } from '../support/deferred.ts';

describe('the gate', () => {
  it('lets as many run as it says, others wait in order, and sends the rest away', async () => {
    const gate = new Gate({ running: 2, waiting: 2 });
    const started: number[] = [];
    const works: Deferred<number>[] = [];
    const enter = (): Promise<number> => {
      const index = works.push(deferred<number>()) - 1;
      return gate.run(() => {
        started.push(index);
        return works[index]?.promise ?? Promise.reject(new Error('no work'));
      });
    };
    const results = [enter(), enter(), enter(), enter()];
    await expect(enter()).rejects.toBeInstanceOf(GateFullError);
    expect(started).toEqual([0, 1]);
    works[1]?.resolve(11);
    expect(await results[1]).toBe(11);
    await Promise.resolve();
    expect(started).toEqual([0, 1, 2]);
    for (const [index, work] of works.entries()) work.resolve(index);
    expect(await Promise.all(results)).toEqual([0, 11, 2, 3]);
    expect(started).toEqual([0, 1, 2, 3]);
  });

  it('gives the place of a work that failed to the next', async () => {
    const gate = new Gate({ running: 1, waiting: 1 });
    const failing = gate.run(() => Promise.reject(new Error('broken')));
    const next = gate.run(async () => 'done');
    await expect(failing).rejects.toThrow('broken');
    expect(await next).toBe('done');
    expect(await gate.run(async () => 'again')).toBe('again');
  });
});
