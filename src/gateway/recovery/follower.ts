import type { HistoryPage, Position, Publication } from '../../broker/broker.ts';
import type { LostReason } from './claim.ts';
import { endOf, placeIn } from './history-page.ts';
import { Tail } from './tail.ts';

export interface FollowerParts {
  /**
   * To the worker's subscribers that are where the follower is.
   * @param isLive it was not read from the history
   * @returns to how many it was given
   */
  deliver(publication: Publication, isLive: boolean): number;
  /** To the same: something is missing here. @param missed how many publications, where that is known */
  gap(name: string, reason: LostReason | 'unavailable', missed: number | undefined): void;
  recovered(name: string, publications: number): void;
  /** Received again, or too late. */
  dropped(): void;
}

/**
 * The one place where a worker's subscribers of a subscription with history are, and what moves it on: what is live
 * and next, a page of the history, what had arrived before its time. Only forwards; where something is left out they
 * are told.
 */
export class Follower {
  readonly #name: string;
  readonly #parts: FollowerParts;
  /** undefined until the first page: nobody is there then. */
  #epoch: string | undefined;
  #last = 0;
  #audience = 1;
  #tail: Tail | undefined;

  constructor(name: string, parts: FollowerParts) {
    this.#name = name;
    this.#parts = parts;
  }

  get epoch(): string | undefined {
    return this.#epoch;
  }

  get offset(): number {
    return this.#last;
  }

  get place(): Position | undefined {
    return this.#epoch === undefined ? undefined : { epoch: this.#epoch, offset: this.#last };
  }

  get tail(): Tail | undefined {
    return this.#tail;
  }

  /** How many were given the last publication. */
  get audience(): number {
    return this.#audience;
  }

  /** Whether something has arrived that its subscribers have not got. */
  get misses(): boolean {
    return this.#tail?.hasMoreThan(this.#epoch, this.#last) === true;
  }

  give(publication: Publication, offset: number, isLive = true): void {
    this.#audience = this.#parts.deliver(publication, isLive);
    this.#last = offset;
  }

  /** Keeps what has arrived, until `forget`. */
  keep(publication: Publication, epoch: string, offset: number): void {
    (this.#tail ??= new Tail()).add(publication, epoch, offset);
  }

  forget(): void {
    this.#tail = undefined;
  }

  learn({ epoch, offset }: Position): void {
    this.#epoch = epoch;
    this.#last = offset;
  }

  /** Gives what the page has. @returns false when the page is not for this place */
  advance(from: Position | undefined, page: HistoryPage): boolean {
    const at = placeIn(page, from, { epoch: this.#epoch ?? '', offset: this.#last });
    if (at === undefined) return false;
    this.#epoch = page.position.epoch;
    this.#last = at;
    let recovered = 0;
    for (const publication of page.publications) {
      const next = publication.position?.offset ?? 0;
      if (next <= this.#last) continue;
      this.give(publication, next, false);
      recovered++;
    }
    this.#last = Math.max(this.#last, endOf(page));
    if (recovered > 0) this.#parts.recovered(this.#name, recovered);
    return true;
  }

  /** Delivers what had arrived before its time and is next now. */
  absorb(): void {
    const epoch = this.#epoch;
    if (epoch === undefined || this.#tail === undefined) return;
    for (;;) {
      const next = this.#tail.get(epoch, this.#last + 1);
      if (next === undefined) return;
      this.give(next, this.#last + 1);
    }
  }

  /** Tells of a gap and goes on from another place, or from what arrived just before it. */
  skip(reason: LostReason, { epoch, offset }: Position): void {
    const from = this.#last;
    // A history that has lost its memory begins again from where it is.
    const isOrdered = reason !== 'epoch';
    const least = isOrdered ? from : 0;
    let last = Math.max(offset, least);
    while (last > least && this.#tail?.get(epoch, last) !== undefined) last--;
    this.#parts.gap(this.#name, reason, isOrdered ? last - from : undefined);
    this.#epoch = epoch;
    this.#last = last;
  }

  /** What had arrived before the page was asked for, and is of another epoch than the page, is of a history that is gone. */
  dropStragglers(): void {
    const tail = this.#tail;
    if (tail === undefined || tail.size === 0 || !tail.isOld || tail.epoch === this.#epoch) return;
    for (let i = 0; i < tail.size; i++) this.#parts.dropped();
    tail.clear();
  }

  /**
   * History stays out of reach: subscribers are told, and go on with what has arrived. The place is kept as long as
   * nothing has.
   * @param isSuspected something may be missing behind all that has arrived
   */
  goOnWithout(isSuspected: boolean): void {
    const tail = this.#tail;
    const unavailable = (missed?: number): void => this.#parts.gap(this.#name, 'unavailable', missed);
    if (tail === undefined || tail.size === 0 || !this.misses) return unavailable();
    let isKnown = tail.epoch === this.#epoch;
    if (!isKnown) this.#last = 0;
    this.#epoch = tail.epoch;
    for (let next = tail.nextAbove(this.#last); next !== undefined; next = tail.nextAbove(this.#last)) {
      unavailable(isKnown ? next - 1 - this.#last : undefined);
      isKnown = true;
      this.#last = next - 1;
      this.absorb();
    }
    tail.clear();
    if (isSuspected) unavailable();
  }
}
