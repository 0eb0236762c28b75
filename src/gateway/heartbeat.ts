import type { Connection } from './connection.ts';

/** A round is walked in this many steps, so that pings do not leave all at once. */
const stepsPerRound = 32;

/**
 * Pings every connection once per interval and ends those that showed no sign of life since the last ping. One timer
 * per worker and nothing per connection: it walks the gateway's own table.
 */
export class Heartbeat {
  readonly #connections: ReadonlyMap<string, Connection>;
  readonly #giveUp: (connection: Connection) => void;
  readonly #timer: NodeJS.Timeout | undefined;
  #walk: Iterator<Connection> | undefined;
  #step = 0;
  #stride = 0;
  #suspects: Connection[] = [];

  /** @param intervalMs 0 switches the heartbeat off */
  constructor(
    connections: ReadonlyMap<string, Connection>,
    intervalMs: number,
    giveUp: (connection: Connection) => void,
  ) {
    this.#connections = connections;
    this.#giveUp = giveUp;
    if (intervalMs === 0) return;
    this.#timer = setInterval(() => this.#tick(), Math.max(1, intervalMs / stepsPerRound));
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    // A second look, one step later: after a pause of this process the answers lie in the kernel, not yet read.
    const suspects = this.#suspects;
    this.#suspects = [];
    for (const connection of suspects) if (!connection.ping()) this.#giveUp(connection);
    if (this.#step === 0) {
      this.#walk = this.#connections.values();
      this.#stride = Math.ceil(this.#connections.size / stepsPerRound);
    }
    this.#step = (this.#step + 1) % stepsPerRound;
    // The last step takes whoever came during the round.
    const most = this.#step === 0 ? Number.POSITIVE_INFINITY : this.#stride;
    for (let i = 0; i < most; i++) {
      const next = this.#walk?.next();
      if (next === undefined || next.done === true) return;
      if (!next.value.ping()) this.#suspects.push(next.value);
    }
  }
}
