import { RingQueue } from '../../lib/ring-queue.ts';
import { defaultFanOut } from '../gateway-options.ts';
import { BatchStart } from './batch.ts';
import { FanOutPace, type Gathered } from './fan-out-pace.ts';

/** How long the outboxes of one lane are flushed before everything else has its turn, in milliseconds. */
const sliceMs = 4;
/** Flushes between two looks at the clock. */
const flushesPerLook = 16;
/** A fan-out to more subscribers than this goes behind those that are smaller. */
const bulkSubscribers = 250;

/** The less, the more urgent. */
export type Urgency = typeof prompt | typeof bulk | typeof gathering;
const prompt = 0;
const bulk = 1;
const gathering = 2;

export interface Flushable {
  flush(): void;
}

/** Is told that what it waits for has been flushed. */
export interface Flushed {
  flushed(): void;
}

/** What is sent to many at a pace of its own. */
export interface Paced {
  pace?: FanOutPace | undefined;
}

/** Up to where the lanes have to be for what was given before. */
interface Mark {
  readonly prompt: number;
  readonly bulk: number;
  readonly waiter: Flushed;
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
  /** Apart, as a large fan-out is not to be waited for by small ones. */
  readonly #marks = { prompt: new RingQueue<Mark>(), bulk: new RingQueue<Mark>() };
  readonly #gatherMs: number;
  /** Of the fan-out that is under way, where it is large. */
  #pace: FanOutPace | undefined;
  #urgency: Urgency = prompt;
  #isScheduled = false;
  #isLate = false;
  #rounds = 0;

  /** @param gatherMs longest that what is given to many is gathered, to be sent together; 0: never */
  constructor(gatherMs: number = defaultFanOut.gatherMs) {
    this.#gatherMs = gatherMs;
  }

  /** To be called around what gives the same to so many. @param paced has its pace from here */
  begin(subscribers: number, paced?: Paced): void {
    this.#pace = undefined;
    this.#urgency = subscribers > bulkSubscribers ? bulk : prompt;
    if (this.#urgency === prompt || paced === undefined || this.#gatherMs === 0) return;
    const pace = (paced.pace ??= new FanOutPace(this.#gatherMs, (gathered) => this.#release(gathered, pace)));
    this.#pace = pace;
    if (pace.isResting) this.#urgency = gathering;
  }

  /** @param given how many were given something; @param bytes of it, for each */
  end(given = 0, bytes = 0): void {
    if (given > 0 && this.#pace !== undefined) {
      if (this.#urgency === gathering) this.#pace.gathered(bytes);
      else this.#beganBulk(this.#pace, given);
    }
    this.#pace = undefined;
    this.#urgency = prompt;
  }

  /** Of what is scheduled now: what is less urgent may be kept waiting by the rest. */
  get urgency(): Urgency {
    return this.#urgency;
  }

  /** Whether a slice was not enough for what a turn gave. */
  get isLate(): boolean {
    return this.#isLate;
  }

  /** How often all who waited at the beginning of a round had been flushed. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Has it flushed at the end of the turn. Harmless when it is flushed before. */
  schedule(outbox: Flushable): void {
    if (this.#urgency === gathering) return this.#pace?.add(outbox);
    (this.#urgency === bulk ? this.#bulk : this.#prompt).add(outbox);
    this.#runSoon();
  }

  /**
   * Tells when all that has been scheduled up to now, as urgent or less as what is scheduled now, has been flushed. To be
   * called between `begin` and `end`.
   */
  whenFlushed(waiter: Flushed): void {
    if (this.#pace?.isEmpty === false) this.#pace.whenFlushed(waiter);
    else if (this.#urgency === prompt) this.#mark(this.#marks.prompt, 0, waiter);
    else this.#mark(this.#marks.bulk, this.#bulk.added, waiter);
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
    this.#isLate = !(isPromptDone && isBulkDone);
    this.#tellFlushed(this.#marks.prompt);
    this.#tellFlushed(this.#marks.bulk);
    if (this.#prompt.isPastMark && this.#bulk.isPastMark) {
      this.#rounds++;
      this.#prompt.mark();
      this.#bulk.mark();
    }
    this.#isScheduled = !(this.#prompt.isEmpty && this.#bulk.isEmpty);
    if (this.#isScheduled) setImmediate(flushWaiting, this);
  }

  #runSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(flushWaiting, this);
  }

  #release({ outboxes, waiters }: Gathered, pace: FanOutPace): void {
    for (const outbox of outboxes) this.#bulk.add(outbox);
    if (outboxes.length > 0) this.#runSoon();
    this.#beganBulk(pace, outboxes.length);
    for (const waiter of waiters) this.#mark(this.#marks.bulk, this.#bulk.added, waiter);
  }

  #beganBulk(pace: FanOutPace, outboxes: number): void {
    pace.began(outboxes * this.#bulk.flushMs);
    this.#mark(this.#marks.bulk, this.#bulk.added, pace);
  }

  /** @param bulkAdded up to where the lane for what is large has to be */
  #mark(marks: RingQueue<Mark>, bulkAdded: number, waiter: Flushed): void {
    const promptAdded = this.#prompt.added;
    // Nothing had to be scheduled: those who were given it are behind, and will send it when they can.
    if (marks.length === 0 && this.#isPast(promptAdded, bulkAdded)) waiter.flushed();
    else marks.push({ prompt: promptAdded, bulk: bulkAdded, waiter });
  }

  #tellFlushed(marks: RingQueue<Mark>): void {
    for (;;) {
      const mark = marks.peek();
      if (mark === undefined || !this.#isPast(mark.prompt, mark.bulk)) return;
      marks.shift();
      mark.waiter.flushed();
    }
  }

  #isPast(prompt: number, bulk: number): boolean {
    return this.#prompt.flushed >= prompt && this.#bulk.flushed >= bulk;
  }
}

class Lane {
  readonly #waiting = new RingQueue<Flushable>();
  /** How many of those that wait did so at the last mark. */
  #marked = 0;
  /** How many have been added, ever. */
  added = 0;
  /** What a flush takes, about, in milliseconds. */
  flushMs = 0.01;

  /** How many have been flushed, ever; in the order of adding. */
  get flushed(): number {
    return this.added - this.#waiting.length;
  }

  add(outbox: Flushable): void {
    this.added++;
    this.#waiting.push(outbox);
  }

  /** Whether all who waited at the last mark have had their turn. */
  get isPastMark(): boolean {
    return this.#marked === 0;
  }

  mark(): void {
    this.#marked = this.#waiting.length;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** @returns whether the slice was enough for all who waited; whoever is added meanwhile waits for the next */
  flushSlice(): boolean {
    if (this.isEmpty) return true;
    const startMs = performance.now();
    const all = this.#waiting.length;
    let left = all;
    for (; left > 0; left--) {
      if (left % flushesPerLook === 0 && performance.now() > startMs + sliceMs) break;
      this.#waiting.shift()?.flush();
      if (this.#marked > 0) this.#marked--;
    }
    if (all - left >= flushesPerLook) this.flushMs += ((performance.now() - startMs) / (all - left) - this.flushMs) / 8;
    return left === 0;
  }
}

function flushWaiting(scheduler: FlushScheduler): void {
  scheduler.run();
}
