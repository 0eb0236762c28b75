import { describe, expect, it } from 'vitest';
import { BrokerCheck, paceWithin } from '../../../src/server/broker-check.ts';
import { until } from '../../support/until.ts';

const never = 1_000_000;

/** A probe whose round trips end when and as the test says. */
function heldProbe(): {
  roundTrip(deadlineMs: number): Promise<number>;
  readonly deadlines: number[];
  end(failure?: string): void;
} {
  const deadlines: number[] = [];
  let held: { resolve(tookMs: number): void; reject(error: Error): void } | undefined;
  return {
    deadlines,
    roundTrip(deadlineMs) {
      deadlines.push(deadlineMs);
      return new Promise((resolve, reject) => (held = { resolve, reject }));
    },
    end(failure) {
      if (failure === undefined) held?.resolve(1);
      else held?.reject(new Error(failure));
    },
  };
}

describe('the check of the broker', () => {
  it('tells of each change once: a failure, another one, and none any more', async () => {
    const probe = heldProbe();
    const told: (string | undefined)[] = [];
    const check = new BrokerCheck(probe, { everyMs: never, deadlineMs: 7 }, (failure) => told.push(failure));
    for (const failure of [undefined, 'gone', 'gone', 'hung', undefined, undefined]) {
      const running = check.run();
      probe.end(failure);
      await running;
    }
    check.close();
    expect(told).toEqual(['gone', 'hung', undefined]);
    expect(probe.deadlines).toEqual(Array(6).fill(7));
  });

  it('makes round trips by itself, one at a time', async () => {
    const probe = heldProbe();
    const check = new BrokerCheck(probe, { everyMs: 1, deadlineMs: never }, () => {});
    await until(() => probe.deadlines.length === 1);
    const joined = check.run();
    expect(probe.deadlines).toHaveLength(1);
    probe.end();
    await joined;
    await until(() => probe.deadlines.length === 2);
    check.close();
    probe.end();
  });

  it('tells nothing once it is closed', async () => {
    const probe = heldProbe();
    const told: unknown[] = [];
    const check = new BrokerCheck(probe, { everyMs: never, deadlineMs: 7 }, (failure) => told.push(failure));
    const running = check.run();
    check.close();
    probe.end('the broker is closed');
    await running;
    expect(told).toEqual([]);
  });

  it('believes a broker that proves nothing', async () => {
    const told: unknown[] = [];
    const check = new BrokerCheck(undefined, { everyMs: never, deadlineMs: 7 }, (failure) => told.push(failure));
    await check.run();
    check.close();
    expect(told).toEqual([]);
  });

  it('is through before the detection time, also where a fault comes right after a round trip', () => {
    const { everyMs, deadlineMs } = paceWithin(500);
    expect(everyMs + deadlineMs).toBeLessThan(500);
  });
});
