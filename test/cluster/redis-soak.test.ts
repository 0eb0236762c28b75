import { describe, expect, it } from 'vitest';
import { runSoak } from '../support/run-soak.ts';

/** Ten minutes: `SOAK_SECONDS=600 npx vitest run test/cluster/redis-soak.test.ts`; the same again with `SOAK_SEED`. */
const seconds = Number(process.env['SOAK_SECONDS'] ?? 20);
const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** What is not part of the soak itself: starting, the last fault, and the last word. */
const graceMs = 100_000;

describe('a soak', () => {
  it(
    `of ${seconds} s with random faults and clients that come and go ends with what the model says (SOAK_SEED=${seed})`,
    async () => {
      const report = await runSoak({ seconds, seed });
      console.info(report.summary);
      expect(report.problems).toEqual([]);
    },
    seconds * 1_000 + graceMs,
  );
});
