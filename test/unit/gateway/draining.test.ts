import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Draining, restartReason, returnWindowMs } from '../../../src/gateway/draining.ts';
import { Counts } from '../../../src/metrics/counts.ts';

class Client {
  open = true;
  closedAtMs: number | undefined;
  closing: { code: number; reason: string } | undefined;

  dismiss(code: number, reason: string): void {
    this.open = false;
    this.closedAtMs = performance.now();
    this.closing = { code, reason };
  }
}

function drainOf(count: number, periodMs: number) {
  const clients = Array.from({ length: count }, () => new Client());
  const connections = new Map(clients.map((client, index) => [String(index), client]));
  const counts = new Counts();
  const draining = new Draining({ connections, periodMs, counts });
  return { clients, connections, counts, draining };
}

/** How many were closed in each of so many equal parts of the period. */
function histogram(clients: readonly Client[], beganAtMs: number, periodMs: number, parts: number): number[] {
  const counts = Array.from({ length: parts }, () => 0);
  for (const { closedAtMs = Infinity } of clients) {
    const part = Math.min(parts - 1, Math.floor(((closedAtMs - beganAtMs) / periodMs) * parts));
    counts[part] = (counts[part] ?? 0) + 1;
  }
  return counts;
}

describe('draining', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  it.each([
    [1_000, 10_000],
    [40, 2_000],
    [5_000, 1_000],
  ])('closes %i connections evenly over %i ms, in random order', async (count, periodMs) => {
    const { clients, counts, draining } = drainOf(count, periodMs);
    const beganAtMs = performance.now();
    const run = draining.run();
    await vi.advanceTimersByTimeAsync(periodMs);
    await run;
    const share = count / 10;
    for (const part of histogram(clients, beganAtMs, periodMs, 10)) {
      // What is due in a step of the pacing may fall to the part before.
      expect(Math.abs(part - share)).toBeLessThanOrEqual(Math.max(1, (5 / periodMs) * count + 1));
    }
    const order = clients.toSorted((a, b) => (a.closedAtMs ?? 0) - (b.closedAtMs ?? 0));
    expect(order).not.toEqual(clients);
    expect(counts.drainedConnections).toBe(count);
  });

  it('closes with 1012 and when to come back, spread over a second at least', async () => {
    const { clients, draining } = drainOf(400, 0);
    await draining.run();
    const delays = clients.map(({ closing }) => {
      expect(closing?.code).toBe(1012);
      return Number(/^restarting; reconnect in (\d+) ms$/.exec(closing?.reason ?? '')?.[1]);
    });
    expect(Math.max(...delays)).toBeLessThan(1_000);
    for (const quarter of [0, 1, 2, 3])
      expect(delays.filter((ms) => Math.floor(ms / 250) === quarter).length).toBeGreaterThan(50);
  });

  it('spreads the return of many clients further where the period does not', () => {
    expect(returnWindowMs(10, 0)).toBe(1_000);
    expect(returnWindowMs(2_000, 0)).toBe(4_000);
    expect(returnWindowMs(2_000, 10_000)).toBe(1_000);
    expect(returnWindowMs(1_000_000, 0)).toBe(10_000);
    expect(Buffer.byteLength(restartReason(9_999))).toBeLessThan(123);
  });

  it('is over at once where there is nobody, and soon after the last one has left', async () => {
    await drainOf(0, 3_600_000).draining.run();
    const { clients, connections, draining } = drainOf(2, 3_600_000);
    const run = draining.run();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(clients.filter(({ open }) => open)).toHaveLength(1);
    connections.clear();
    await vi.advanceTimersByTimeAsync(100);
    await run;
  });

  it('closes who comes meanwhile after all others', async () => {
    const { connections, draining } = drainOf(3, 300);
    const run = draining.run();
    const late = new Client();
    connections.set('late', late);
    await vi.advanceTimersByTimeAsync(150);
    expect(late.open).toBe(true);
    await vi.advanceTimersByTimeAsync(150);
    await run;
    expect(late.closing?.code).toBe(1012);
  });

  it('leaves the rest alone when it is cancelled', async () => {
    const { clients, draining } = drainOf(10, 1_000);
    const run = draining.run();
    await vi.advanceTimersByTimeAsync(300);
    draining.cancel();
    await run;
    const left = clients.filter(({ open }) => open).length;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(10);
  });
});
