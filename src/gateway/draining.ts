import { Alarm } from '../lib/alarm.ts';
import type { Counts } from '../metrics/counts.ts';
import { serviceRestart } from './close-codes.ts';

/** So many clients of one worker may come back per second. A handshake costs a third of a millisecond and more. */
const returnsPerSecond = 500;
/** Between these, in milliseconds: a wait that a person hardly sees, and one that nobody should have to see. */
const leastWindowMs = 1_000;
const mostWindowMs = 10_000;

/** The pacing looks at the clock no more often than this and no less, in milliseconds. */
const shortestSleepMs = 5;
const longestSleepMs = 100;

/** A connection, as far as it matters here. */
export interface Drainable {
  readonly open: boolean;
  dismiss(code: number, reason: string): void;
}

export interface DrainingParts {
  /** The gateway's own table: whoever comes while this goes on is closed at its end. */
  readonly connections: ReadonlyMap<string, Drainable>;
  /** Over how long they are closed, in milliseconds. */
  readonly periodMs: number;
  readonly counts: Counts;
}

/**
 * Closes all connections in random order, evenly paced over a period, with 1012 and when to come back: neither the
 * workers that take them, nor the broker that is asked what they have missed, see more than a share of them at a time.
 */
export class Draining {
  readonly #parts: DrainingParts;
  readonly #alarm = new Alarm();
  #isCancelled = false;

  constructor(parts: DrainingParts) {
    this.#parts = parts;
  }

  /** Resolves when every client has been told, or none is left, or the rest is not to be told any more. */
  async run(): Promise<void> {
    const { connections, periodMs } = this.#parts;
    const waiting = shuffled([...connections.values()]);
    const total = waiting.length;
    const windowMs = returnWindowMs(total, periodMs);
    const beganAt = performance.now();
    while (!this.#isCancelled && waiting.length > 0 && connections.size > 0) {
      const elapsedMs = performance.now() - beganAt;
      // The first at once, the last when its share of the period is all that is left.
      const due = elapsedMs >= periodMs ? total : Math.floor((elapsedMs / periodMs) * total) + 1;
      while (total - waiting.length < due) this.#dismiss(waiting.pop(), windowMs);
      const nextMs = ((total - waiting.length) / total) * periodMs - (performance.now() - beganAt);
      if (waiting.length > 0) await this.#alarm.sleep(Math.min(longestSleepMs, Math.max(shortestSleepMs, nextMs)));
    }
    if (!this.#isCancelled) for (const connection of connections.values()) this.#dismiss(connection, windowMs);
  }

  /** Closes nobody from here on. */
  cancel(): void {
    this.#isCancelled = true;
    this.#alarm.ring();
  }

  #dismiss(connection: Drainable | undefined, windowMs: number): void {
    if (connection?.open !== true) return;
    this.#parts.counts.drainedConnections++;
    connection.dismiss(serviceRestart, restartReason(Math.floor(Math.random() * windowMs)));
  }
}

/** What `carillon/client` and the pages of the apps look for in a close reason. @param delayMs when to come back */
export function restartReason(delayMs: number): string {
  return `restarting; reconnect in ${delayMs} ms`;
}

/** How far the returns are spread: what the period has not spread yet, in milliseconds. */
export function returnWindowMs(connections: number, periodMs: number): number {
  const neededMs = (connections / returnsPerSecond) * 1_000;
  return Math.min(mostWindowMs, Math.max(leastWindowMs, neededMs - periodMs));
}

/** Fisher–Yates. */
function shuffled<Item>(items: Item[]): Item[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [items[last], items[other]] = [items[other] as Item, items[last] as Item];
  }
  return items;
}
