import { BatchStart } from './batch.ts';

/** How long the outboxes of one lane are flushed before everything else has its turn, in milliseconds. */
const sliceMs = 4;
/** Flushes between two looks at the clock. */
const flushesPerLook = 16;
/** A fan-out to more subscribers than this goes behind those that are smaller. */
const bulkSubscribers = 1_000;

export interface Flushable {
  flush(): void;
}

/**
 * Which outboxes are flushed when: all that were given something in a turn of the event loop, once, at its end; one
 * callback per worker, not per connection. What takes longer than a slice goes on in the next turn, and whoever is
 * given more meanwhile sends it along with the rest. A fan-out to many goes behind those to few, slice by slice, so that a large
 * room does not keep small ones waiting.
 */
export class FlushScheduler {
  readonly #prompt = new Lane();
  readonly #bulk = new Lane();
  readonly #starts = new Map<number, BatchStart>();
  #isBulk = false;
  #isScheduled = false;
  #isLate = false;
  #timesOnTime = 0;

  /** To be called around what gives the same to so many. */
  begin(subscribers: number): void {
    this.#isBulk = subscribers > bulkSubscribers;
  }

  end(): void {
    this.#isBulk = false;
  }

  /** Whether what is scheduled now may be kept waiting by others. */
  get isBulk(): boolean {
    return this.#isBulk;
  }

  /** Whether a slice was not enough for what a turn gave. */
  get isLate(): boolean {
    return this.#isLate;
  }

  /** How often everything was flushed. */
  get timesOnTime(): number {
    return this.#timesOnTime;
  }

  /** Has it flushed at the end of the turn. Harmless when it is flushed before. */
  schedule(outbox: Flushable): void {
    (this.#isBulk ? this.#bulk : this.#prompt).waiting.push(outbox);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(flushWaiting, this);
  }

  /** Where batches of connections with this window size begin. */
  batchStart(windowBits: number): BatchStart {
    let start = this.#starts.get(windowBits);
    if (start === undefined) this.#starts.set(windowBits, (start = new BatchStart(windowBits)));
    return start;
  }

  /** What is given from now on is of another turn than what was given before. */
  run(): void {
    for (const start of this.#starts.values()) start.forget();
    const isPromptDone = this.#prompt.flushSlice();
    const isBulkDone = this.#bulk.flushSlice();
    this.#isLate = !isPromptDone || !isBulkDone;
    if (this.#isLate) {
      setImmediate(flushWaiting, this);
    } else {
      this.#isScheduled = false;
      this.#timesOnTime++;
    }
  }
}

class Lane {
  waiting: Flushable[] = [];
  #at = 0;

  /** @returns whether nobody waits any more */
  flushSlice(): boolean {
    if (this.waiting.length === 0) return true;
    const endMs = performance.now() + sliceMs;
    // Whoever is added meanwhile is given more in this turn perhaps, and waits for the next.
    const { length } = this.waiting;
    while (this.#at < length) {
      this.waiting[this.#at++]?.flush();
      if (this.#at % flushesPerLook === 0 && performance.now() > endMs) break;
    }
    if (this.#at < this.waiting.length) return false;
    this.waiting = [];
    this.#at = 0;
    return true;
  }
}

function flushWaiting(scheduler: FlushScheduler): void {
  scheduler.run();
}
