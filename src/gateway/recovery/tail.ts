import type { Position, Publication } from '../../broker/broker.ts';

/** Bounds of what is kept. More is forgotten and read from history instead. */
const mostPublications = 1_000;
const mostBytes = 1024 * 1024;

/** Live publications of one subscription and epoch that arrived while its history is being read, by their offsets. */
export class Tail {
  #publications = new Map<number, Publication>();
  #epoch = '';
  #bytes = 0;
  #newest = 0;
  #forgotten: Position | undefined;
  /** Nothing was added since the last `mark`. */
  isOld = true;

  get epoch(): string {
    return this.#epoch;
  }

  get size(): number {
    return this.#publications.size;
  }

  /** The highest offset; 0 where there is none. */
  get newest(): number {
    return this.#newest;
  }

  add(publication: Publication, epoch: string, offset: number): void {
    if (epoch !== this.#epoch) {
      this.#forget();
      this.#epoch = epoch;
    } else if (this.size >= mostPublications || this.#bytes + publication.data.length > mostBytes) {
      this.#forget();
    }
    this.isOld = false;
    if (this.#publications.has(offset)) return;
    this.#publications.set(offset, publication);
    this.#bytes += publication.data.length;
    this.#newest = Math.max(this.#newest, offset);
  }

  get(epoch: string, offset: number): Publication | undefined {
    return epoch === this.#epoch ? this.#publications.get(offset) : undefined;
  }

  /** Whether anything has arrived since the last `mark`, or is kept, that somebody at this place has not got. */
  hasMoreThan(epoch: string | undefined, offset: number): boolean {
    if (this.size > 0 && (this.#epoch !== epoch || this.#newest > offset)) return true;
    const forgotten = this.#forgotten;
    return forgotten !== undefined && (forgotten.epoch !== epoch || forgotten.offset > offset);
  }

  /** The lowest offset above this one. */
  nextAbove(offset: number): number | undefined {
    let lowest: number | undefined;
    for (const one of this.#publications.keys())
      if (one > offset && (lowest === undefined || one < lowest)) lowest = one;
    return lowest;
  }

  /** A read of the history begins, which will tell of everything that has arrived so far. */
  mark(): void {
    this.#forgotten = undefined;
    this.isOld = true;
  }

  clear(): void {
    this.#publications.clear();
    this.#bytes = 0;
    this.#newest = 0;
  }

  #forget(): void {
    if (this.size > 0) this.#forgotten = { epoch: this.#epoch, offset: this.#newest };
    this.clear();
  }
}
