import type { ProbeCapability } from '../broker/broker.ts';

export interface CheckPace {
  /** From one round trip to the next, in milliseconds. */
  readonly everyMs: number;
  /** A publication that takes longer to come back is taken for lost, in milliseconds. */
  readonly deadlineMs: number;
}

/** Of the embedded broker: what goes wrong there shows as a lost pipe, long before. */
export const embeddedPace: CheckPace = Object.freeze({ everyMs: 1_000, deadlineMs: 5_000 });

/** Notices within three quarters of that time whatever goes wrong whenever, which leaves a quarter to tell of it. */
export function paceWithin(detectionMs: number): CheckPace {
  return { everyMs: detectionMs / 4, deadlineMs: detectionMs / 2 };
}

/** Proves again and again that what this worker publishes comes back through the broker. */
export class BrokerCheck {
  readonly #probe: ProbeCapability | undefined;
  readonly #deadlineMs: number;
  readonly #changed: (failure: string | undefined) => void;
  readonly #timer: NodeJS.Timeout;
  #failure: string | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  /**
   * @param probe of the broker; undefined: the broker proves nothing and is believed
   * @param changed called when there is another failure, or none any more
   */
  constructor(
    probe: ProbeCapability | undefined,
    { everyMs, deadlineMs }: CheckPace,
    changed: (failure: string | undefined) => void,
  ) {
    this.#probe = probe;
    this.#deadlineMs = deadlineMs;
    this.#changed = changed;
    this.#timer = setInterval(() => void this.run(), everyMs);
    this.#timer.unref();
  }

  /** Makes one round trip, or joins the one that is under way. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return this.#running;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  async #run(): Promise<void> {
    let failure: string | undefined;
    try {
      await this.#probe?.roundTrip(this.#deadlineMs);
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    if (failure === this.#failure || this.#isClosed) return;
    this.#failure = failure;
    this.#changed(failure);
  }
}
