interface Kept<Entry> {
  readonly entry: Entry;
  readonly bytes: number;
  readonly expiresMs: number;
}

/** How many forgotten entries may lie before the kept ones until the array is cut. */
const cutAfter = 64;

/**
 * What is kept of one subscription, oldest first, numbered by offsets without a hole. An entry goes from the front
 * only: one whose time is up before that of its elders stays as long as they do.
 */
export class KeptEntries<Entry> {
  readonly epoch: string;
  #entries: (Kept<Entry> | undefined)[] = [];
  #first = 0;
  #newest = 0;
  #bytes = 0;

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  get length(): number {
    return this.#entries.length - this.#first;
  }

  /** Of the kept entries together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Offset of the newest entry there ever was; 0: there was none. */
  get newest(): number {
    return this.#newest;
  }

  /** Offset of the oldest entry that is kept; where none is, of the next one. */
  get oldest(): number {
    return this.#newest - this.length + 1;
  }

  append(entry: Entry, bytes: number, expiresMs: number): void {
    this.#entries.push({ entry, bytes, expiresMs });
    this.#newest++;
    this.#bytes += bytes;
  }

  /** The entry with this offset, which must be kept. */
  at(offset: number): { readonly entry: Entry; readonly bytes: number } | undefined {
    return this.#entries[this.#first + offset - this.oldest];
  }

  dropOldest(): void {
    const kept = this.#entries[this.#first];
    if (kept === undefined) return;
    this.#bytes -= kept.bytes;
    this.#entries[this.#first++] = undefined;
    if (this.#first === this.#entries.length) {
      this.#entries = [];
      this.#first = 0;
    } else if (this.#first > cutAfter && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Drops the oldest until there are at most so many. */
  trim(size: number): void {
    while (this.length > size) this.dropOldest();
  }

  expire(nowMs: number): void {
    while ((this.#entries[this.#first]?.expiresMs ?? Infinity) <= nowMs) this.dropOldest();
  }
}
