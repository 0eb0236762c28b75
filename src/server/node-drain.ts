import type { Config } from '../config/config.ts';
import { workerDrainMs } from './worker-deadlines.ts';
import type { DrainWorker } from './worker-messages.ts';
import type { WorkerSeat } from './worker-seat.ts';

/** The body of an answer to `POST /drain`. */
export interface DrainProgress {
  /** `waiting`: new connections are still accepted. `closing`: connections are closed. `ending`: none is left. */
  readonly state: 'waiting' | 'closing' | 'ending';
  /** As configured, in seconds. */
  readonly delay: number;
  readonly period: number;
  /** Since when, in seconds. */
  readonly elapsed: number;
  /** Connections when it began, and now, as the workers last said. */
  readonly connections: number;
  readonly left: number;
  /** In a sentence. */
  readonly message: string;
}

/** The leave of a whole node: all its workers at the same time, each of its own connections. */
export class NodeDrain {
  /** Resolves when all workers have ended; those that take too long are killed. */
  readonly over: Promise<void>;
  readonly #settings: Config['drain'];
  readonly #beganAt = performance.now();
  #connections: number;

  /** Begins. @param seats those that serve, or were about to leave anyway */
  constructor(config: Config, seats: readonly WorkerSeat[]) {
    const { delay, period } = (this.#settings = config.drain);
    this.#connections = connectionsOf(seats);
    const order: DrainWorker = {
      type: 'drain',
      delayMs: delay * 1_000,
      periodMs: period * 1_000,
      hasSuccessor: false,
    };
    const killing = setTimeout(
      () => {
        for (const seat of seats) seat.kill();
      },
      Math.max(...seats.map((seat) => workerDrainMs(seat.config, order))),
    );
    this.over = Promise.all(seats.map((seat) => seat.drain(order))).then(() => clearTimeout(killing));
  }

  progress(seats: readonly WorkerSeat[]): DrainProgress {
    const { delay, period } = this.#settings;
    const elapsed = (performance.now() - this.#beganAt) / 1_000;
    const left = connectionsOf(seats);
    // Some may have come since the workers last said how many they have.
    this.#connections = Math.max(this.#connections, left);
    const haveSaid = seats.every(({ state }) => state === 'draining' || state === 'stopped');
    const state = elapsed < delay ? 'waiting' : left > 0 || !haveSaid ? 'closing' : 'ending';
    return {
      state,
      delay,
      period,
      elapsed: Math.round(elapsed * 10) / 10,
      connections: this.#connections,
      left,
      message: sentence(state, left, { delay, period, elapsed }),
    };
  }
}

function sentence(
  state: DrainProgress['state'],
  left: number,
  { delay, period, elapsed }: { delay: number; period: number; elapsed: number },
): string {
  const many = left === 1 ? '1 connection' : `${left} connections`;
  if (state === 'ending') return 'no connection is left; the node ends';
  if (state === 'waiting') {
    const wait = (delay - elapsed).toFixed(1);
    return `new connections are refused in ${wait} s; then ${many} are closed over ${period} s, and the node ends`;
  }
  const rest = Math.max(0, delay + period - elapsed).toFixed(1);
  return `new connections are refused; ${many} are closed within ${rest} s, and the node ends`;
}

function connectionsOf(seats: readonly WorkerSeat[]): number {
  return seats.reduce((sum, { connections }) => sum + connections, 0);
}
