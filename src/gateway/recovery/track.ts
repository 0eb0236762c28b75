import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  BrokerClosedError,
  BrokerUnavailableError,
  type HistoryCapability,
  type HistoryPage,
  type Position,
  type Publication,
} from '../../broker/broker.ts';
import type { Claim } from './claim.ts';
import { Claims, type Reading } from './claims.ts';
import { Follower, type FollowerParts } from './follower.ts';
import { progressing, startOf } from './history-page.ts';

/** Most publications a page; brokers end it earlier when its data comes to a MiB or so. */
const pagePublications = 1_000;
/** Most deliveries that a page may come to, about, where there are many subscribers. */
const pageDeliveries = 50_000;

export interface TrackParts extends FollowerParts {
  readonly history: HistoryCapability;
  /** How long a history that cannot be read is asked for again. */
  readonly patienceMs: number;
  /**
   * The track wants to be asked to `read`. `claims`: clients wait for it. `urgent`, `suspected`: it has missed
   * something, or may have.
   */
  wantsReading(track: Track, urgency: Urgency): void;
  /** The same after so many failures. */
  wantsAgain(track: Track, failures: number): void;
  /** It was answered or has given up, and may want more: its patience begins anew. */
  waitsAnew(track: Track): void;
  needsNoReading(track: Track): void;
}

export type Urgency = 'claims' | 'urgent' | 'suspected';

/**
 * Brings the worker's subscribers of one subscription with history, and those that come back to it, to the same place.
 * What is live and next is delivered; for anything else the history is read, one page at a time, in turns from the
 * subscribers' place and from that of the claim that has waited the longest. What arrives during a read is kept, as
 * the page may have been made before it.
 */
export class Track {
  readonly name: string;
  readonly #parts: TrackParts;
  readonly #follower: Follower;
  readonly #claims = new Claims();
  /** Neither behind nor reading: what comes next needs no thought. */
  #isCalm = true;
  #isBehind = false;
  #isReading = false;
  /** Something may have been missed since the last read began that was answered; the page of one under way may be from before. */
  #isSuspected = false;
  #isClosed = false;
  /** Since when it has wanted something that could not be read, as `performance.now()` tells it. */
  #waitingSince: number | undefined;
  #failures = 0;
  #error: unknown;
  /** Something after this place is no longer kept: what is, is looked for next. */
  #trimmed: { readonly from: Position; readonly epoch: string } | undefined;
  /** The last read was from a claim's place; of two that are needed the other is next. */
  #wasForClaim = false;

  constructor(name: string, parts: TrackParts) {
    this.name = name;
    this.#parts = parts;
    this.#follower = new Follower(name, parts);
  }

  get isBehind(): boolean {
    return this.#isBehind;
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  /** Whether `read` has something to do. */
  get isWanting(): boolean {
    return !this.#isClosed && (this.#isBehind || this.#claims.size > 0);
  }

  get waitingSince(): number | undefined {
    return this.#waitingSince;
  }

  /** Where the subscribers are. */
  get place(): Position | undefined {
    return this.#follower.place;
  }

  /** A publication from the broker. */
  live(publication: Publication, epoch: string, offset: number): void {
    const follower = this.#follower;
    if (epoch === follower.epoch) {
      if (offset === follower.offset + 1) {
        follower.give(publication, offset);
        if (!this.#isCalm) this.#followed(publication, epoch, offset);
        return;
      }
      if (offset <= follower.offset) return this.#parts.dropped();
    }
    // Before the first read nobody waits for it: the position that will be read lies beyond it.
    if (follower.epoch === undefined && !this.#isReading) return;
    follower.keep(publication, epoch, offset);
    if (follower.epoch !== undefined) this.#behind('urgent');
  }

  /** Something may have been missed. */
  suspect(): void {
    if (this.#follower.epoch === undefined && !this.#isReading) return;
    this.#isSuspected = true;
    this.#behind('suspected');
  }

  /** Brings whoever claims it to the place of the others. */
  add(claim: Claim): void {
    if (this.#isClosed) return claim.dropped();
    const { epoch, offset } = this.#follower;
    if (epoch !== undefined) {
      const isHere = claim.epoch === epoch && claim.offset === offset;
      if (claim.epoch === undefined || isHere) return claim.arrived(epoch, offset);
      if (claim.epoch === epoch && offset - claim.offset > claim.most) return claim.lost('too-many', epoch, offset);
    }
    this.#claims.add(claim);
    this.#want('claims');
  }

  /** Reads one page and gives it to whom it is for. Never rejects. */
  async read(): Promise<void> {
    if (this.#isReading || !this.isWanting) return;
    this.#isReading = true;
    this.#isCalm = false;
    const isRead = await this.#readPage();
    await this.#finish(isRead);
  }

  /** It has waited for longer than it may, and does not read just now. */
  async giveUp(): Promise<void> {
    if (this.#isReading || !this.isWanting) return;
    this.#isReading = true;
    this.#claims.mark();
    await this.#failed(this.#error ?? new BrokerUnavailableError('the history could not be read in time'), true);
    await this.#finish(false);
  }

  /** Nobody is in the subscription any more. */
  close(): void {
    this.#isClosed = true;
    this.#parts.needsNoReading(this);
    this.#claims.close();
  }

  #behind(urgency: Urgency): void {
    this.#isCalm = false;
    this.#isBehind = true;
    this.#want(urgency);
  }

  #want(urgency: Urgency): void {
    if (this.#isReading) return;
    this.#waitingSince ??= performance.now();
    this.#parts.wantsReading(this, urgency);
  }

  /** One more was delivered while the track is not calm. */
  #followed(publication: Publication, epoch: string, offset: number): void {
    if (this.#isReading) this.#follower.keep(publication, epoch, offset);
    this.#follower.absorb();
    // That it was the next one proves that nothing was missed before it.
    if (this.#isReading || !this.#isBehind || this.#follower.misses) return;
    this.#isBehind = false;
    if (!this.isWanting) this.#rest();
  }

  /** Nobody wants anything. */
  #rest(): void {
    this.#waitingSince = undefined;
    this.#failures = 0;
    this.#error = undefined;
    this.#trimmed = undefined;
    this.#follower.forget();
    this.#isCalm = true;
    this.#parts.needsNoReading(this);
  }

  async #finish(isRead: boolean): Promise<void> {
    // Outboxes go out, others have their turn.
    if (this.isWanting) await nextTurn();
    this.#isReading = false;
    if (this.#isClosed) return;
    if (!this.isWanting) return this.#rest();
    this.#waitingSince ??= performance.now();
    // Those that came meanwhile have not had their turn.
    if (isRead || this.#failures === 0 || this.#claims.hasNew) {
      this.#parts.wantsReading(this, this.#claims.size > 0 ? 'claims' : 'urgent');
    } else {
      this.#parts.wantsAgain(this, this.#failures);
    }
  }

  /** @returns whether it could be read */
  async #readPage(): Promise<boolean> {
    const trimmed = this.#trimmed;
    const since = trimmed === undefined ? this.#nextPlace() : undefined;
    const wasSuspected = this.#isSuspected;
    this.#trimmed = undefined;
    this.#isSuspected = false;
    this.#follower.tail?.mark();
    this.#claims.mark();
    let page: HistoryPage;
    try {
      if (since !== undefined) page = await this.#parts.history.read(this.name, { since, limit: this.#limit() });
      // Of what is kept the claims need to know only where it begins.
      else if (trimmed !== undefined)
        page = await this.#parts.history.read(this.name, { limit: this.#isBehind ? this.#limit() : 1 });
      else page = await this.#parts.history.read(this.name, { limit: 0 });
    } catch (error) {
      this.#isSuspected ||= wasSuspected;
      if (!this.#isClosed) await this.#failed(error, false);
      return false;
    }
    if (this.#isClosed) return true;
    this.#failures = 0;
    this.#waitAnew();
    await this.#serve(this.#apply({ from: since, page: progressing(page, since) }, trimmed));
    return true;
  }

  #limit(): number {
    return Math.min(pagePublications, Math.max(10, Math.floor(pageDeliveries / Math.max(1, this.#follower.audience))));
  }

  /** Where to read from. undefined: the newest place is to be learnt. */
  #nextPlace(): Position | undefined {
    const own = this.#follower.place;
    const claimed = this.#claims.first();
    if (own === undefined || claimed === undefined) return own ?? claimed;
    const isForClaim = !this.#isBehind || !this.#wasForClaim;
    this.#wasForClaim = isForClaim;
    // One that is further than the others waits until they have caught up.
    if (!isForClaim || (claimed.epoch === own.epoch && claimed.offset > own.offset)) return own;
    return claimed;
  }

  /** Brings the subscribers on; all at once: nothing is delivered in between. @returns what the claims need to know */
  #apply(reading: Reading, trimmed: { readonly from: Position; readonly epoch: string } | undefined): Reading {
    const { from, page } = reading;
    const { position, lost } = page;
    const follower = this.#follower;
    let whole = reading;
    if (follower.epoch === undefined) {
      follower.learn(position);
    } else if (lost !== undefined) {
      if (from !== undefined) this.#lost(from, position, lost);
    } else {
      if (trimmed?.epoch === position.epoch) whole = this.#applyFloor(reading, trimmed.from);
      // Where it was read from somebody else's place and is of another epoch, the track's own has to be read from.
      if (!follower.advance(from, whole.page) && position.epoch !== follower.epoch) this.#isBehind = true;
    }
    if (lost === 'trimmed' && from !== undefined) this.#trimmed = { from, epoch: position.epoch };
    follower.absorb();
    follower.dropStragglers();
    const isThere = position.epoch === follower.epoch && follower.offset >= position.offset;
    this.#isBehind = (this.#isBehind && (this.#isSuspected || !isThere)) || follower.misses;
    return whole;
  }

  /** The subscribers' place, if it is this one or comes after it, cannot be continued from. */
  #lost(from: Position, newest: Position, reason: 'trimmed' | 'epoch'): void {
    if (from.epoch !== this.#follower.epoch) return;
    if (reason === 'epoch') this.#follower.skip('epoch', newest);
    // What is no longer kept may yet be on its way to here; when the oldest that is kept has been read, it is not.
    else if (from.offset === this.#follower.offset) this.#isBehind = true;
  }

  /** The page begins with the oldest that is kept. Who is before it has lost what was between, and goes on with it. */
  #applyFloor({ page, from }: Reading, trimmed: Position): Reading {
    const { position } = page;
    const start = startOf(page);
    const isTrue = start > trimmed.offset;
    // A history that has what it said it had not is not asked for it again.
    const offset = isTrue ? start : position.offset;
    const epochs = [trimmed.epoch, position.epoch];
    const { epoch = '', offset: last } = this.#follower;
    if (epochs.includes(epoch) && last < offset) this.#follower.skip('trimmed', { epoch: position.epoch, offset });
    return { from, page: isTrue ? page : { publications: [], position }, floor: { offset, epochs } };
  }

  #waitAnew(): void {
    this.#waitingSince = performance.now();
    this.#parts.waitsAnew(this);
  }

  async #serve(reading: Reading): Promise<void> {
    if (this.#claims.size === 0) return;
    const serve = this.#claims.serve(reading);
    for (;;) {
      const { place = reading.page.position, tail } = this.#follower;
      if (serve({ place, tail })) return;
      await nextTurn();
      if (this.#isClosed) return;
    }
  }

  async #failed(error: unknown, isTooLate: boolean): Promise<void> {
    this.#failures++;
    this.#error = error;
    const waitedMs = performance.now() - (this.#waitingSince ?? 0);
    const isLast = isTooLate || error instanceof BrokerClosedError || waitedMs >= this.#parts.patienceMs;
    if (isLast && this.#isBehind) {
      this.#isBehind = false;
      if (!(error instanceof BrokerClosedError)) this.#follower.goOnWithout(this.#isSuspected);
      this.#isSuspected = false;
    }
    if (isLast) {
      this.#failures = 0;
      this.#waitAnew();
    }
    const fail = this.#claims.failed(error, isLast);
    while (!fail()) {
      await nextTurn();
      if (this.#isClosed) return;
    }
  }
}
