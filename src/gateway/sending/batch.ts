import type { Entry } from './entry.ts';

/**
 * What one connection is given in one turn of the event loop: entries in their order, as a chain that never changes.
 * Connections that were given the same share the chain, and with it the bytes of the turn's one write: nothing is
 * allocated per subscriber.
 */
export class Batch {
  /** undefined: this is the first. */
  readonly before: Batch | undefined;
  readonly entry: Entry;
  /** Of all of them together. */
  readonly byteLength: number;
  readonly #bytes: Buffer;
  #joined: Buffer | undefined;
  #next: Batch | undefined;

  constructor(before: Batch | undefined, entry: Entry, bytes: Buffer) {
    this.before = before;
    this.entry = entry;
    this.byteLength = (before?.byteLength ?? 0) + bytes.length;
    this.#bytes = bytes;
  }

  /** These entries and one more. A fan-out asks for the same one again and again. */
  with(entry: Entry, bytes: Buffer): Batch {
    if (this.#next?.entry !== entry) this.#next = new Batch(this, entry, bytes);
    return this.#next;
  }

  /** All of them as one piece. */
  get joined(): Buffer {
    if (this.before === undefined) return this.#bytes;
    return (this.#joined ??= this.#join());
  }

  /** The oldest first. */
  entries(): Entry[] {
    const entries: Entry[] = [];
    this.#walk((batch) => entries.push(batch.entry));
    return entries.toReversed();
  }

  #join(): Buffer {
    const joined = Buffer.allocUnsafe(this.byteLength);
    let end = joined.length;
    this.#walk((batch) => {
      end -= batch.#bytes.length;
      batch.#bytes.copy(joined, end);
    });
    return joined;
  }

  /** The newest first. */
  #walk(visit: (batch: Batch) => void): void {
    visit(this);
    for (let { before } = this; before !== undefined; before = before.before) visit(before);
  }
}

/** Where the batches of a turn begin. One per window size, as the same entry has other bytes in another one. */
export class BatchStart {
  readonly windowBits: number;
  #first: Batch | undefined;

  constructor(windowBits: number) {
    this.windowBits = windowBits;
  }

  first(entry: Entry, bytes: Buffer): Batch {
    if (this.#first?.entry !== entry) this.#first = new Batch(undefined, entry, bytes);
    return this.#first;
  }

  /** The turn is over: what was sent is let go. */
  forget(): void {
    this.#first = undefined;
  }
}
