import { describe, expect, it } from 'vitest';
import { PresenceRounds } from '../../../../src/broker/redis/presence-rounds.ts';
import { until } from '../../../support/until.ts';

const names = Array.from({ length: 300 }, (_, index) => `name ${index}`);

describe('the rounds of presence', () => {
  it('visit every name, round after round, some at a time', async () => {
    const visits = new Map<string, number>();
    let under = 0;
    let most = 0;
    const rounds = new PresenceRounds(
      30,
      () => names,
      async (name) => {
        most = Math.max(most, ++under);
        await new Promise((resolve) => setImmediate(resolve));
        under--;
        visits.set(name, (visits.get(name) ?? 0) + 1);
      },
    );
    rounds.start();
    await until(() => names.every((name) => (visits.get(name) ?? 0) >= 3), { what: 'three rounds' });
    rounds.close();
    expect(most).toBeLessThanOrEqual(64);
    const counts = [...visits.values()];
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });

  it('begin at once where there is haste, and end when closed', async () => {
    const visits: string[] = [];
    let isWhole = true;
    const rounds = new PresenceRounds(
      // Nobody waits so long.
      3_600_000,
      () => names,
      async (name) => {
        visits.push(name);
        // Closed in the middle of a round.
        if (!isWhole && visits.length === names.length + 10) rounds.close();
      },
    );
    rounds.start();
    rounds.hurry();
    await until(() => visits.length >= names.length, { what: 'a round' });
    expect(new Set(visits).size).toBe(names.length);
    isWhole = false;
    visits.length = names.length;
    rounds.hurry();
    await until(() => visits.length > names.length, { what: 'the next round' });
    rounds.hurry();
    await new Promise((resolve) => setImmediate(resolve));
    expect(visits.length).toBeLessThanOrEqual(names.length + 64);
  });
});
