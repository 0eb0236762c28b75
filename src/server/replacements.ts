import type { Config } from '../config/config.ts';
import { StartError, StartInterruptedError } from './lifecycle.ts';
import { nodeStartMs, workerDrainMs, workerStopMs } from './worker-deadlines.ts';
import type { DrainWorker } from './worker-messages.ts';
import type { WorkerSeat } from './worker-seat.ts';

export interface ReplacementsParts {
  /** Those of the node, changed in place: for a while there are two of one number, the older one behind the newer. */
  readonly seats: WorkerSeat[];
  /** A seat whose worker is not followed by another until it settles. */
  readonly makeSeat: (number: number, config: Config) => WorkerSeat;
  /** A worker has been told to leave, because it has a successor that is well. */
  readonly retired: (seat: WorkerSeat) => void;
}

interface Trial {
  passes(): void;
  fails(error: Error): void;
}

/** Puts successors in the place of workers that are well, one after the other, without a moment with neither. */
export class Replacements {
  readonly #parts: ReplacementsParts;
  readonly #trials = new Map<WorkerSeat, Trial>();

  constructor(parts: ReplacementsParts) {
    this.#parts = parts;
  }

  /** Whether it is a successor that has not taken over. */
  isOnTrial(seat: WorkerSeat): boolean {
    return this.#trials.has(seat);
  }

  /** A worker has reported; to be told before connections are balanced. */
  reports(seat: WorkerSeat): void {
    if (seat.serves && seat.ailment === undefined) this.#trials.get(seat)?.passes();
  }

  /** A worker is not going to serve. */
  fails(seat: WorkerSeat, why: string): void {
    this.#trials.get(seat)?.fails(new Error(why));
  }

  /** No successor takes over from here on. What becomes of one that is on trial is the caller's business. */
  abandon(): void {
    for (const { fails } of this.#trials.values()) fails(new StartInterruptedError());
  }

  /**
   * Starts a successor next to a worker. Once it listens and has reported that it is well, the old one drains over
   * `drain.period` and ends.
   * @param config the successor's
   * @returns when the old one has ended, and the successor is still well
   * @throws StartError saying why not, and how many workers have this configuration. Where the successor has not taken
   *   over it has ended, and the old one goes on
   * @throws StartInterruptedError when it was abandoned, or the successor leaves already
   */
  async replace(old: WorkerSeat, config: Config): Promise<void> {
    const { seats, makeSeat, retired } = this.#parts;
    const periodMs = config.drain.period * 1_000;
    const order: DrainWorker = { type: 'drain', delayMs: 0, periodMs, hasSuccessor: true };
    const successor = makeSeat(old.number, config);
    seats.splice(seats.indexOf(old), 0, successor);
    let leave: Promise<void> | undefined;
    try {
      await this.#trial(successor, () => {
        successor.settle();
        leave = old.drain(order);
        retired(old);
      });
    } catch (error) {
      if (error instanceof StartInterruptedError) throw error;
      await killedAfter(workerStopMs(config), successor, successor.stop());
      this.#remove(successor, old);
      throw this.#failure(`worker ${old.number} could not be replaced: ${messageOf(error)}`, config, error);
    }
    await killedAfter(workerDrainMs(old.config, order), old, leave);
    if (successor.isLeaving) throw new StartInterruptedError();
    const fault = faultOf(successor);
    this.#remove(old, successor);
    if (fault !== undefined) throw this.#failure(`the new worker ${old.number} ${fault}`, config);
  }

  #trial(successor: WorkerSeat, onPassed: () => void): Promise<void> {
    const deadlineMs = nodeStartMs(successor.config);
    let deadline: NodeJS.Timeout | undefined;
    const passed = new Promise<void>((resolve, reject) => {
      this.#trials.set(successor, {
        passes: () => {
          this.#trials.delete(successor);
          onPassed();
          resolve();
        },
        fails: (error) => {
          this.#trials.delete(successor);
          reject(error);
        },
      });
      deadline = setTimeout(
        () => this.fails(successor, `after ${deadlineMs} ms its successor ${faultOf(successor) ?? 'has not reported'}`),
        deadlineMs,
      );
      successor.start();
    });
    return passed.finally(() => clearTimeout(deadline));
  }

  #failure(why: string, config: Config, cause?: unknown): StartError {
    const { seats } = this.#parts;
    const replaced = seats.filter((seat) => seat.config === config).length;
    return new StartError(`${why}; ${replaced} of ${seats.length} were replaced`, { cause });
  }

  /** In one step, so that no counter is missing at any moment, nor there twice. */
  #remove(seat: WorkerSeat, heir: WorkerSeat): void {
    const { seats } = this.#parts;
    seats.splice(seats.indexOf(seat), 1);
    heir.inherit(seat);
  }
}

/** What is wrong with a successor, as a phrase. */
function faultOf({ restarts, serves, state, ailment }: WorkerSeat): string | undefined {
  if (restarts > 0) return 'has ended and was started again';
  return serves ? ailment : `is ${state}`;
}

async function killedAfter(ms: number, seat: WorkerSeat, ending: Promise<void> | undefined): Promise<void> {
  const killing = setTimeout(() => seat.kill(), ms);
  await ending;
  clearTimeout(killing);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
