import type { HistoryPage, Position, Publication } from '../../broker/broker.ts';
import type { Amount, Claim, LostReason } from './claim.ts';
import { endOf, placeIn } from './history-page.ts';
import type { Tail } from './tail.ts';

/**
 * How much is given in one turn of the event loop, about, so that a thousand clients coming back together do not hold
 * it up: in publications of a KiB, some milliseconds' worth. Each claim is dealt with whole, and one a turn at least.
 */
const workPerTurn = 2_000;
/** What the end of a claim comes to: the app answers its client. */
const workOfAnEnd = 10;
const workBytes = 1024;

/** What was read, for all who waited for it. */
export interface Reading {
  /** Where the page was read from. */
  readonly from: Position | undefined;
  readonly page: HistoryPage;
  /** What is before this, in these epochs, is no longer kept. */
  readonly floor?: { readonly offset: number; readonly epochs: readonly string[] };
}

/** Where the track is now, and what has arrived since the reading began. */
export interface Present {
  readonly place: Position;
  readonly tail: Tail | undefined;
}

/** The claims of one track, the one that has waited the longest first. */
export class Claims {
  /** With their numbers, in the order of their coming. */
  readonly #claims = new Map<Claim, number>();
  #added = 0;
  #marked = 0;
  #work = 0;

  get size(): number {
    return this.#claims.size;
  }

  add(claim: Claim): void {
    this.#claims.set(claim, ++this.#added);
  }

  /** A read of the history begins: it is for those that are here now. Whoever comes later may be further than it will be. */
  mark(): void {
    this.#marked = this.#added;
  }

  /** Whether some have come since. */
  get hasNew(): boolean {
    return this.size > 0 && this.#marked < this.#added;
  }

  /**
   * The place of the claim that has waited the longest. Read from there until it has come to its end: whoever comes
   * later, from wherever, cannot hold up those that came before.
   */
  first(): Position | undefined {
    for (const claim of this.#claims.keys()) {
      if (!claim.isWanted) this.#drop(claim);
      else if (claim.epoch !== undefined) return { epoch: claim.epoch, offset: claim.offset };
    }
    return undefined;
  }

  /**
   * Gives a reading to those it is for, some in each turn: to be called with the same function, until it says that
   * all have had it. What happens to one claim happens at once.
   */
  serve(reading: Reading): (present: Present) => boolean {
    return this.#inSlices((claim, number, { place, tail }: Present) => {
      if (claim.epoch === undefined) {
        this.#arrive(claim, place);
      } else if (number <= this.#marked) {
        this.#serve(claim, reading, place, tail);
      }
    });
  }

  /** History could not be read. To be called until all have heard of it, as `serve`. */
  failed(error: unknown, last: boolean): () => boolean {
    const next = this.#inSlices((claim, number) => {
      this.#work += workOfAnEnd;
      if (number <= this.#marked && !claim.failed(error, last)) this.#claims.delete(claim);
    });
    return () => next(undefined);
  }

  close(): void {
    for (const claim of this.#claims.keys()) this.#drop(claim);
  }

  #inSlices<Context>(deal: (claim: Claim, number: number, context: Context) => void): (context: Context) => boolean {
    // An iterator of a map goes on behind what is deleted meanwhile.
    const entries = this.#claims.entries();
    return (context) => {
      this.#work = 0;
      while (this.#work < workPerTurn) {
        const { value, done } = entries.next();
        if (done === true) return true;
        const [claim, number] = value;
        this.#work++;
        if (claim.isWanted) deal(claim, number, context);
        else this.#drop(claim);
      }
      return false;
    };
  }

  #drop(claim: Claim): void {
    this.#claims.delete(claim);
    claim.dropped();
  }

  /** Brings one claim on, with what the page and the tail have for it. */
  #serve(claim: Claim, reading: Reading, place: Position, tail: Tail | undefined): void {
    const { page } = reading;
    const reason = lostBy(claim, reading);
    if (reason !== undefined) return this.#end(claim, reason, place);
    if (page.lost === undefined && !this.#givePage(claim, reading, place)) return;
    if (claim.epoch !== place.epoch) return;
    while (claim.offset < place.offset) {
      const next = tail?.get(place.epoch, claim.offset + 1);
      if (next === undefined) return;
      if (!this.#give(claim, next, claim.offset + 1, place)) return;
    }
    if (claim.offset === place.offset) {
      this.#arrive(claim, place);
    } else if (page.position.epoch === place.epoch && claim.offset > page.position.offset) {
      // From a history that had gone further than this one ever did.
      this.#end(claim, 'epoch', place);
    }
  }

  /** @returns false when the page is not for the claim, or the claim has come to an end */
  #givePage(claim: Claim, { from, page }: Reading, place: Position): boolean {
    const { epoch, offset } = page.position;
    const at = placeIn(page, from, { epoch: claim.epoch ?? '', offset: claim.offset });
    if (at === undefined) return false;
    claim.epoch = epoch;
    claim.offset = at;
    if (offset - claim.offset > claim.most) {
      this.#end(claim, 'too-many', place);
      return false;
    }
    for (const publication of page.publications) {
      const next = publication.position?.offset ?? 0;
      if (next > claim.offset && !this.#give(claim, publication, next, place)) return false;
    }
    claim.offset = Math.max(claim.offset, endOf(page));
    return true;
  }

  #give(claim: Claim, publication: Publication, offset: number, place: Position): boolean {
    this.#count({ count: 1, bytes: publication.data.length });
    const taken = claim.take(publication);
    if (taken === true) {
      claim.offset = offset;
      return true;
    }
    if (taken === 'too-many') this.#end(claim, 'too-many', place);
    else this.#claims.delete(claim);
    return false;
  }

  #arrive(claim: Claim, { epoch, offset }: Position): void {
    this.#claims.delete(claim);
    this.#work += workOfAnEnd;
    if (claim.collected !== undefined) this.#count(claim.collected);
    claim.arrived(epoch, offset);
  }

  #end(claim: Claim, reason: LostReason, { epoch, offset }: Position): void {
    this.#claims.delete(claim);
    this.#work += workOfAnEnd;
    claim.lost(reason, epoch, offset);
  }

  #count({ count, bytes }: Amount): void {
    this.#work += count + bytes / workBytes;
  }
}

/** Whether the reading shows that what the claim has missed is gone. */
function lostBy({ epoch, offset }: Claim, { from, page, floor }: Reading): LostReason | undefined {
  if (epoch === undefined) return undefined;
  if (floor !== undefined && offset < floor.offset && floor.epochs.includes(epoch)) return 'trimmed';
  if (page.lost === undefined || from === undefined || epoch !== from.epoch) return undefined;
  // Where an epoch is not known, or not so far, it is not further on either; what is trimmed is so up to somewhere.
  return (page.lost === 'epoch' ? offset >= from.offset : offset <= from.offset) ? page.lost : undefined;
}
