import { RingQueue } from '../lib/ring-queue.ts';

/**
 * Does so many things in one turn of the event loop and the rest in the next ones, in order, so that thousands of sockets
 * that have become readable together do not keep the others waiting.
 */
export class TurnBudget {
  readonly #most: number;
  readonly #waiting = new RingQueue<() => void>();
  #done = 0;
  #isScheduled = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** @param act must not throw */
  run(act: () => void): void {
    if (this.#done < this.#most && this.#waiting.length === 0) {
      this.#done++;
      act();
    } else {
      this.#waiting.push(act);
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(nextTurn, this);
  }

  nextTurn(): void {
    this.#isScheduled = false;
    this.#done = 0;
    while (this.#done < this.#most && this.#waiting.length > 0) {
      this.#done++;
      this.#waiting.shift()?.();
    }
    // What was done just now counts for this turn.
    if (this.#done > 0) this.#schedule();
  }
}

function nextTurn(budget: TurnBudget): void {
  budget.nextTurn();
}
