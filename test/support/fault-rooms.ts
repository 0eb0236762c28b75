import { expect } from 'vitest';
import { measureFault, type FaultReport, type Scene } from './measure-fault.ts';
import type { Product, ProductConfig } from './start-product.ts';

/** Rooms that begin with `/kept` have a history, those that begin with `/loose` have none. */
export function faultConfig(
  redis: Readonly<Record<string, unknown>>,
  faults: readonly string[],
  more: ProductConfig = {},
): ProductConfig {
  return {
    redis,
    apps: { chat: { urls: faults.flatMap((fault) => [`/kept-${fault}`, `/loose-${fault}`]) } },
    subscriptions: [
      { pattern: '/kept-*', history: { size: 20_000, ttl: 600 } },
      { pattern: '/loose-*', history: false },
    ],
    ...more,
  };
}

/** What is noticed within a second: tests are not to wait longer than they must. */
export const quickly = { detectionMs: 1_000, commandTimeoutMs: 1_000, connectTimeoutMs: 1_000 };

/** The fault under constant publishing to a room with and to one without history, the reports in this order. */
export async function faultInBothRooms(
  fault: string,
  products: readonly Product[],
  work: (scene: Scene) => Promise<unknown>,
): Promise<{ kept: FaultReport; loose: FaultReport }> {
  const [kept, loose] = await measureFault(
    fault,
    products,
    [
      { url: `/kept-${fault}`, keeps: true },
      { url: `/loose-${fault}`, keeps: false },
    ],
    work,
  );
  if (kept === undefined || loose === undefined) throw new Error('two rooms were measured');
  return { kept, loose };
}

/** With history every subscriber, the one that was away included, has everything, once and in order, and no false alarm. */
export function expectNothingLost({ verdicts }: FaultReport): void {
  const none = { lost: [], untold: [], duplicated: [], reordered: [], told: [] };
  expect(verdicts).toEqual(verdicts.map((verdict) => ({ ...verdict, ...none })));
  expect(verdicts.at(-1)?.recoveries).toBeGreaterThan(0);
}

/** Without history something may be lost, and whoever lost it knows. It says nothing of who lost nothing. */
export function expectToldOfLosses({ verdicts }: FaultReport): void {
  const none = { untold: [], duplicated: [], reordered: [] };
  expect(verdicts).toEqual(verdicts.map((verdict) => ({ ...verdict, ...none })));
}

/**
 * Everybody whom the fault concerns was told, whether anything was lost or not: nobody can know.
 * @param node only those who were there when the fault began. Default: all.
 */
export function expectEverybodyTold({ verdicts, nodes }: FaultReport, node?: string): void {
  const concerned = verdicts.filter((_, i) => node === undefined || nodes[i] === node);
  // The one that was away is told when it comes back, in any case.
  expect(concerned.length).toBeGreaterThan(1);
  expect(concerned.filter(({ told }) => told.length === 0)).toEqual([]);
}
