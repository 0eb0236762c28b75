import type { RuleCounts } from '../../metrics/rule-counts.ts';
import type { Flushed } from './flush-scheduler.ts';

/** What a publication's way took, from the publishing until all sockets have been handed it: one observation for all. */
export class DeliveryLag implements Flushed {
  readonly #counts: RuleCounts;
  readonly #publishedMs: number;

  /** @param publishedMs in milliseconds since 1970, by the clock of whoever published */
  constructor(counts: RuleCounts, publishedMs: number) {
    this.#counts = counts;
    this.#publishedMs = publishedMs;
  }

  flushed(): void {
    // Clocks of two machines differ: what was published in the future took no time.
    this.#counts.lag.observe(Math.max(0, Date.now() - this.#publishedMs) / 1_000);
  }
}
