import { Histogram } from './histogram.ts';

/** What is counted of the subscriptions of one rule. */
export class RuleCounts {
  /** Publications that reached this worker and had subscribers here, live or from history. */
  received = 0;
  /** Publications handed to a subscriber, once per subscriber. */
  deliveries = 0;
  /** From the publishing to the handing over to the sockets, in seconds; once per publication. */
  readonly lag: Histogram = new Histogram([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
}
