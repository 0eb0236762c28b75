/**
 * Reads something for all who want to know it, so that a storm of clients costs no more than a few. Readings come one
 * after the other with a rest in between, and each is for all who had asked when it began.
 */
export class SharedReading<T> {
  readonly #begin: () => Promise<T>;
  readonly #restMs: (found: T) => number;
  /** The reading that has not begun. */
  #next: Promise<T> | undefined;
  /** Settled when the next reading may begin. */
  #rested: Promise<void> = Promise.resolve();

  /** @param restMs how long no reading begins after this one, in milliseconds */
  constructor(begin: () => Promise<T>, restMs: (found: T) => number = () => 0) {
    this.#begin = begin;
    this.#restMs = restMs;
  }

  /** Whether nobody waits for a reading that has not begun. */
  get isIdle(): boolean {
    return this.#next === undefined;
  }

  /** What is there, read after this call. What is chained to the promise follows the reading's own end at once. */
  read(): Promise<T> {
    return (this.#next ??= this.#rested.then(() => {
      this.#next = undefined;
      const reading = this.#begin();
      this.#rested = reading.then(
        (found) => rest(this.#restMs(found)),
        () => {},
      );
      return reading;
    }));
  }
}

function rest(ms: number): Promise<void> | undefined {
  // A timer takes a millisecond at least, which is more than a short reading is worth.
  return ms < 1 ? undefined : new Promise((resolve) => setTimeout(resolve, ms));
}
