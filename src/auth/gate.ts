import { RingQueue } from '../lib/ring-queue.ts';

export interface GateOptions {
  /** Works that run at the same time. */
  readonly running: number;
  /** Works that may wait for their turn. */
  readonly waiting: number;
}

/** Thrown at a work that came when the waiting room was full. */
export class GateFullError extends Error {
  readonly code = 'GATE_FULL';
}

/** Lets a bounded number of works run at a time and a bounded number wait, first come, first served. */
export class Gate {
  readonly #options: GateOptions;
  readonly #turns = new RingQueue<() => void>();
  #running = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** @throws GateFullError */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#options.running) this.#running++;
    else await this.#turn();
    try {
      return await work();
    } finally {
      // Whoever waits takes over this place, so the number of running works stays the same.
      const next = this.#turns.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#turns.length >= this.#options.waiting) throw new GateFullError('too many are waiting');
    return new Promise((resolve) => this.#turns.push(resolve));
  }
}
