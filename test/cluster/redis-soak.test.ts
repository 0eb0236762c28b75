import { describe, it } from 'vitest';
import { runSoak } from '../support/run-soak.ts';

/** Ten minutes: `SOAK_SECONDS=600 npx vitest run test/cluster/redis-soak.test.ts`; the same again with `SOAK_SEED`. */
const seconds = Number(process.env['SOAK_SECONDS'] ?? 15);
/** What is not part of the soak itself: starting, the last fault, and the last word. */
const graceMs = 100_000;

function chooseSeed(): number {
  return Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
}

const soaks = [
  { what: 'loses, repeats and confuses nothing that has a history', forgets: false },
  { what: 'in which Redis forgets everything tells whoever lost something', forgets: true },
];

describe.concurrent(`a soak of ${seconds} s with random faults and clients that come and go`, () => {
  for (const { what, forgets } of soaks) {
    const seed = chooseSeed();
    it(`${what} (SOAK_SEED=${seed})`, { timeout: seconds * 1_000 + graceMs }, async ({ expect }) => {
      const report = await runSoak({ seconds, seed, forgets });
      console.info(report.summary);
      expect(report.problems).toEqual([]);
    });
  }
});
