import type { ProbeCapability } from '../broker/broker.ts';

/** A publication that takes longer than this to come back is taken for lost, in milliseconds. */
const roundTripDeadlineMs = 5_000;

/** Proves that what this worker publishes comes back through the broker. */
export class BrokerCheck {
  readonly #probe: ProbeCapability | undefined;
  #failure: string | undefined;
  #running: Promise<void> | undefined;

  /** @param probe of the broker; undefined: the broker proves nothing and is believed */
  constructor(probe: ProbeCapability | undefined) {
    this.#probe = probe;
  }

  /** Why the last round trip failed; undefined: it succeeded. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Makes one round trip, or joins the one that is under way. Never rejects: see `failure`. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #run(): Promise<void> {
    try {
      await this.#probe?.roundTrip(roundTripDeadlineMs);
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
    }
  }
}
