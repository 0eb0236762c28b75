import type { RedisBrokerStats } from './redis-broker-stats.ts';
import type { SubscriberLink } from './subscriber-link.ts';

/** A name that the broker is subscribed to, or has just left, with where it stands. */
export class HeldChannel {
  readonly name: string;
  readonly channel: string;
  /** 0 where there is no cluster. */
  readonly slot: number;
  /** Who is to hold it; undefined: no server serves its slot at present. */
  link: SubscriberLink | undefined;
  /** `queued`: SUBSCRIBE is due; `sent`: it is under way; `held`: Redis has confirmed it. */
  state: 'queued' | 'sent' | 'held' = 'queued';
  /** Which SUBSCRIBE it was sent with; an older one's confirmation does not count. */
  batch: object | undefined;
  /** Calls of `subscribe` that wait for it. */
  waiters: SubscribeCall[] = [];
  readonly #stats: RedisBrokerStats;
  #isWanted = true;
  #isLive = false;
  #isGapDue = false;

  constructor({ name, channel, slot }: { name: string; channel: string; slot: number }, stats: RedisBrokerStats) {
    this.name = name;
    this.channel = channel;
    this.slot = slot;
    this.#stats = stats;
    stats.missingSubscriptions++;
  }

  /** False: it was left, and only Redis has not been told yet. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** What arrives is delivered. Then it is `held`. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** It was live before it was lost: when it is so again, something may have been missed. */
  get isGapDue(): boolean {
    return this.#isGapDue;
  }

  /** Redis has confirmed it. */
  confirm(): void {
    this.state = 'held';
    if (this.#isLive || !this.#isWanted) return;
    this.#isLive = true;
    this.#stats.missingSubscriptions--;
  }

  /** Redis does not hold it for us any more, or never did. @returns whether it was live */
  lose(): boolean {
    const wasLive = this.#isLive;
    this.state = 'queued';
    this.batch = undefined;
    this.#isLive = false;
    if (!wasLive) return false;
    this.#isGapDue = true;
    this.#stats.missingSubscriptions++;
    return true;
  }

  /** Something of it may have been missed, though it was not lost. @returns whether it is live */
  doubt(): boolean {
    this.#isGapDue ||= this.#isLive;
    return this.#isLive;
  }

  /** The gap has been told. @returns whether there was one to tell */
  tellGap(): boolean {
    const wasDue = this.#isGapDue;
    this.#isGapDue = false;
    return wasDue;
  }

  /** Nobody wants it any more. */
  leave(): void {
    if (!this.#isWanted) return;
    if (!this.#isLive) this.#stats.missingSubscriptions--;
    this.#isWanted = false;
    this.#isLive = false;
    this.#isGapDue = false;
  }
}

/** One call of `subscribe`. */
export interface SubscribeCall {
  /** One of its names is subscribed, or was left again. */
  settle(): void;
  fail(error: Error): void;
}

/** A command of sharded pub/sub takes channels of one slot only. */
export function bySlot(batch: readonly HeldChannel[]): HeldChannel[][] {
  const parts = new Map<number, HeldChannel[]>();
  for (const held of batch) {
    const part = parts.get(held.slot);
    if (part === undefined) parts.set(held.slot, [held]);
    else part.push(held);
  }
  return [...parts.values()];
}
