import type { Redis } from 'ioredis';
import { bySlot, type HeldChannel } from './held-channel.ts';

/** Names of one UNSUBSCRIBE. */
const batchNames = 250;

/** How long Redis is not told that a name was left, in milliseconds, so that one who comes back costs one command. */
const departureMs = 1_000;

export interface DeparturesParts {
  readonly isSharded: boolean;
  /** The subscriber connection, while there is one. */
  readonly client: () => Redis | undefined;
  /** Whether the channel is to be held, by this name or another that has come since. */
  readonly isHeld: (channel: string) => boolean;
  readonly forget: (held: HeldChannel) => void;
}

/** The names that were left and of which Redis has not been told yet. */
export class Departures {
  readonly #parts: DeparturesParts;
  /** Left within the present interval, and within the one before it. */
  #leaving = new Set<HeldChannel>();
  #left = new Set<HeldChannel>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: DeparturesParts) {
    this.#parts = parts;
  }

  add(held: HeldChannel): void {
    this.#leaving.add(held);
    this.#timer ??= setInterval(() => this.#depart(), departureMs);
  }

  delete(held: HeldChannel): void {
    this.#leaving.delete(held);
    this.#left.delete(held);
  }

  /** A new connection: Redis knows of none of them. */
  forgetAll(): void {
    for (const held of [...this.#leaving, ...this.#left]) this.#parts.forget(held);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Tells Redis of those who left an interval ago and have not come back. */
  #depart(): void {
    const gone = this.#left;
    this.#left = this.#leaving;
    this.#leaving = new Set();
    if (this.#left.size === 0 && gone.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    for (const held of gone) this.#parts.forget(held);
    const client = this.#parts.client();
    if (client !== undefined) void this.#unsubscribe(client, [...gone]);
  }

  async #unsubscribe(client: Redis, gone: readonly HeldChannel[]): Promise<void> {
    const { isSharded, isHeld } = this.#parts;
    for (let at = 0; at < gone.length; at += batchNames) {
      // Who has come back meanwhile is subscribed anew, and must stay so.
      const batch = gone.slice(at, at + batchNames).filter(({ channel }) => !isHeld(channel));
      const parts = isSharded ? bySlot(batch) : batch.length === 0 ? [] : [batch];
      const left = parts.map((part) => {
        const channels = part.map(({ channel }) => channel);
        return isSharded ? client.sunsubscribe(...channels) : client.unsubscribe(...channels);
      });
      try {
        await Promise.all(left);
      } catch {
        // Redis says why when it is asked for more. The other batches need not fail.
      }
      // With the connection goes what was subscribed.
      if (this.#parts.client() !== client) return;
    }
  }
}
