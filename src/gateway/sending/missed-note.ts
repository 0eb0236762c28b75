import type { Entry } from './entry.ts';

/** What a client was not given, at one place. */
export interface Missed {
  /** How many were dropped. */
  readonly publications: number;
  /** Whether events of presence were. */
  readonly hasPresence: boolean;
  /** Whether a notice was of which nobody knows what it stood for: more may be missing than that. */
  readonly hasMore: boolean;
}

/**
 * Stands in a connection's queue where something of a subscription was dropped, before what follows. It grows with
 * further drops, and is made into bytes only when it leaves.
 */
export class MissedNote implements Entry, Missed {
  readonly subscription: string;
  readonly content = 'note';
  readonly #encode: (missed: Missed, windowBits: number) => Buffer;
  #publications = 0;
  #hasPresence = false;
  #hasMore = false;

  /** @param encode called once, when it leaves; nothing where the client has no word for it */
  constructor(subscription: string, encode: (missed: Missed, windowBits: number) => Buffer) {
    this.subscription = subscription;
    this.#encode = encode;
  }

  get publications(): number {
    return this.#publications;
  }

  get hasPresence(): boolean {
    return this.#hasPresence;
  }

  get hasMore(): boolean {
    return this.#hasMore;
  }

  add({ content }: Pick<Entry, 'content'>): void {
    if (content === 'publication') this.#publications++;
    else if (content === 'presence') this.#hasPresence = true;
    else this.#hasMore = true;
  }

  /** What the next note says, which is not needed then. */
  absorb(next: Missed): void {
    this.#publications += next.publications;
    this.#hasPresence ||= next.hasPresence;
    this.#hasMore ||= next.hasMore;
  }

  bytesFor(windowBits: number): Buffer {
    return this.#encode(this, windowBits);
  }
}
