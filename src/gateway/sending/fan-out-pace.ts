import type { Flushable, Flushed } from './flush-scheduler.ts';

/** What is published is gathered for so many times as long as the fan-out before took. */
const restShare = 2;
/** So many bytes for each subscriber are worth a write: its cost is no longer that of there being one. */
const worthwhileBytes = 2_048;

/** What waits, when it is time to send it. */
export interface Gathered {
  readonly outboxes: readonly Flushable[];
  readonly waiters: readonly Flushed[];
}

/**
 * When a subscription with many subscribers sends again. A fan-out is followed by a rest, twice as long as it took, and
 * what is published from its beginning to the end of the rest is gathered, to leave in one write for each subscriber.
 * What takes less than a third of a worker's time never meets a rest; what takes more has its messages a little later,
 * for half of the writes.
 */
export class FanOutPace implements Flushed {
  readonly #longestRestMs: number;
  readonly #release: (gathered: Gathered) => void;
  /** Fan-outs that have begun and have not been flushed. */
  #underWay = 0;
  // Never small integers: V8 would compile whatever met these fields while they were some again and again, in vain.
  #restMs = 0.5;
  #restsUntilMs = -Infinity;
  #isGathering = false;
  #outboxes: Flushable[] = [];
  #waiters: Flushed[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param release is given what was gathered, when it is time */
  constructor(longestRestMs: number, release: (gathered: Gathered) => void) {
    this.#longestRestMs = longestRestMs;
    this.#release = release;
  }

  /** Whether what is published now is to be gathered. */
  get isResting(): boolean {
    return this.#isGathering || this.#underWay > 0 || performance.now() < this.#restsUntilMs;
  }

  /** A fan-out begins; `flushed` will say when it is done. @param workMs how long it takes, about */
  began(workMs: number): void {
    this.#underWay++;
    this.#restMs = Math.min(restShare * workMs, this.#longestRestMs);
  }

  flushed(): void {
    this.#underWay--;
    this.#restsUntilMs = performance.now() + this.#restMs;
    if (this.#isGathering && this.#underWay === 0) this.#endLater();
  }

  /** Whether nobody waits for the rest to end: what was published meanwhile goes along with what is being sent. */
  get isEmpty(): boolean {
    return this.#outboxes.length === 0;
  }

  add(outbox: Flushable): void {
    this.#outboxes.push(outbox);
  }

  /** Is told when all that was gathered up to now has been flushed. */
  whenFlushed(waiter: Flushed): void {
    this.#waiters.push(waiter);
  }

  /** One more has been gathered. @param bytes of it, for each subscriber */
  gathered(bytes: number): void {
    if (this.isEmpty) return;
    this.#isGathering = true;
    this.#bytes += bytes;
    if (this.#bytes >= worthwhileBytes) this.#end();
    else if (this.#underWay === 0) this.#endLater();
  }

  #endLater(): void {
    this.#timer ??= setTimeout(() => this.#end(), this.#restsUntilMs - performance.now()).unref();
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const gathered = { outboxes: this.#outboxes, waiters: this.#waiters };
    this.#isGathering = false;
    this.#outboxes = [];
    this.#waiters = [];
    this.#bytes = 0;
    this.#release(gathered);
  }
}
