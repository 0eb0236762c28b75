import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullJitterDelayMs } from '../../src/lib/backoff.ts';
import { idGenerator } from '../../src/lib/ids.ts';
import { RingQueue } from '../../src/lib/ring-queue.ts';
import { isSeverityName, Severities, severityNames } from '../../src/lib/severities.ts';

describe('a ring queue', () => {
  it('behaves like an array used with push and shift', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer())), (steps) => {
        const queue = new RingQueue<number>();
        const model: number[] = [];
        for (const step of steps) {
          if (step === null) {
            expect(queue.shift()).toBe(model.shift());
          } else {
            queue.push(step);
            model.push(step);
          }
          expect(queue.length).toBe(model.length);
        }
      }),
    );
  });
});

describe('full-jitter backoff', () => {
  it('stays between 0 and the bound that doubles up to the cap', () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, draw) => {
        const delay = fullJitterDelayMs(attempt, { baseMs: 100, capMs: 30_000 }, () => draw);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThan(Math.min(30_000, 100 * 2 ** attempt));
        expect(Number.isInteger(delay)).toBe(true);
      }),
    );
  });
});

describe('ids', () => {
  it('differ within and between generators', () => {
    const a = idGenerator();
    const b = idGenerator();
    const ids = Array.from({ length: 1_000 }, () => [a(), b()]).flat();
    expect(new Set(ids).size).toBe(2_000);
  });
});

describe('severities', () => {
  it('tell watchers of a change, and of nothing else', () => {
    const severities = new Severities({ debug: true });
    const seen: boolean[] = [];
    const end = severities.watch((state) => seen.push(state.debug));
    severities.set({ debug: true });
    severities.set({ debug: false });
    end();
    severities.set({ debug: true });
    expect(seen).toEqual([false]);
    expect(severities.isOn('debug')).toBe(true);
  });

  it('know their names', () => {
    expect(severityNames.every(isSeverityName)).toBe(true);
    expect([isSeverityName('constructor'), isSeverityName(3)]).toEqual([false, false]);
  });
});
