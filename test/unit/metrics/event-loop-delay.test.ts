import { describe, expect, it } from 'vitest';
import { EventLoopDelay } from '../../../src/metrics/event-loop-delay.ts';
import { until } from '../../support/until.ts';

function occupy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('the event loop delay', () => {
  it('is the worst of the last seconds, however often it is read meanwhile', async () => {
    const delay = new EventLoopDelay();
    const worst = (): number => delay.read().find(([quantile]) => quantile === '1')?.[1] ?? 0;
    expect(worst()).toBe(0);
    let isBusy = false;
    await until(
      () => {
        // In turns, as a delay that goes on is in no reading.
        isBusy = !isBusy;
        if (isBusy) occupy(300);
        return !isBusy && worst() > 0.1;
      },
      { everyMs: 120 },
    );
    for (let i = 0; i < 5; i++) expect(worst()).toBeGreaterThan(0.1);
    expect(delay.read().map(([quantile]) => quantile)).toEqual(['0.5', '0.99', '1']);
    delay.close();
  });
});
