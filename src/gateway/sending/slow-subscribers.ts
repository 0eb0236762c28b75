import type { Position, Publication } from '../../broker/broker.ts';
import type { Counts, GapReason } from '../../metrics/counts.ts';
import type { Claim, LostReason } from '../recovery/claim.ts';
import type { Connection } from '../connection.ts';
import type { Delivery } from './delivery.ts';
import type { Entry } from './entry.ts';
import type { Hub } from '../hub.ts';
import { MissedNote } from './missed-note.ts';
import type { SheddingPolicy } from './shedding.ts';
import type { SubscriptionRules } from '../subscription-rules.ts';
import type { Track } from '../recovery/track.ts';

export interface SlowSubscribersParts {
  readonly hub: Hub;
  readonly delivery: Delivery;
  readonly rules: SubscriptionRules;
  readonly counts: Counts;
  /** Of a subscription with history. */
  track(name: string): Track | undefined;
}

/** What became of something that was to be delivered to a connection that is behind; `closed`: it is to be closed. */
export type SlowDelivery = 'queued' | 'missed' | 'closed';

/**
 * Connections that do not keep up with a subscription, by what its rule says. With `resync` they are not among its
 * subscribers until their outbox is empty, and are then given what they missed from history, an outbox at a time; or
 * told of a gap where there is no history. With `drop-oldest` and `keep-latest` what waits for them is shed.
 */
export class SlowSubscribers {
  readonly #parts: SlowSubscribersParts;
  readonly #byName = new Map<string, Map<Connection, SlowSubscriber>>();

  constructor(parts: SlowSubscribersParts) {
    this.#parts = parts;
  }

  /** Whether the connection has fallen behind in this subscription and has not caught up. */
  has(name: string, connection: Connection): boolean {
    return this.#byName.get(name)?.has(connection) === true;
  }

  /**
   * What was to be sent does not fit in the outbox.
   * @param entry undefined: something that cannot be left out
   */
  overflowed(connection: Connection, entry: Entry | undefined): SlowDelivery {
    const name = entry?.subscription;
    const policy = name === undefined ? 'disconnect' : this.#parts.rules.ruleOf(name).slowConsumer;
    if (entry === undefined || name === undefined || policy === 'disconnect') {
      this.#parts.counts.slowConsumers++;
      return 'closed';
    }
    if (policy !== 'resync') return this.#shed(connection, entry, name, policy);
    this.#leaveBehind(name, connection);
    return 'missed';
  }

  /**
   * A publication is to be delivered to a connection that is behind.
   * @returns undefined where it is to be queued as usual
   */
  keepLatest(connection: Connection, entry: Entry): SlowDelivery | undefined {
    const { subscription } = entry;
    if (subscription === undefined || this.#parts.rules.ruleOf(subscription).slowConsumer !== 'keep-latest')
      return undefined;
    return this.#shed(connection, entry, subscription, 'keep-latest');
  }

  #shed(connection: Connection, entry: Entry, subscription: string, policy: SheddingPolicy): SlowDelivery {
    const { rules, counts, delivery } = this.#parts;
    const note = (name: string): MissedNote =>
      new MissedNote(name, (missed, windowBits) => {
        const { frames, isGap } = delivery.missed(connection, name, missed);
        const bytes = Buffer.concat(frames.map((frame) => frame.bytesFor(windowBits)));
        if (isGap) counts.countGap(rules.label(name), 'dropped');
        counts.messagesSent += frames.length;
        counts.bytesSent += bytes.length;
        return bytes;
      });
    const { isQueued, dropped } = connection.shed({ entry, subscription, policy }, note);
    counts.countDropped(rules.label(subscription), policy, dropped);
    return isQueued ? 'queued' : 'missed';
  }

  #leaveBehind(name: string, connection: Connection): void {
    if (this.has(name, connection)) return;
    const { rules, counts, hub } = this.#parts;
    counts.countResync(rules.label(name));
    hub.remove(name, connection);
    const slow = new SlowSubscriber(name, connection, this.#parts, () => this.#forget(name, slow));
    const others = this.#byName.get(name);
    if (others === undefined) this.#byName.set(name, new Map([[connection, slow]]));
    else others.set(connection, slow);
    slow.wait();
  }

  /** Something was delivered that is in no history: who is behind will be told of a gap. */
  missed(name: string): void {
    if (this.#byName.size === 0) return;
    for (const slow of this.#byName.get(name)?.values() ?? []) slow.hasMissed = true;
  }

  /** As `missed`, of an event of presence. */
  missedPresence(name: string): void {
    if (this.#byName.size === 0) return;
    for (const slow of this.#byName.get(name)?.values() ?? []) slow.hasMissedPresence = true;
  }

  /** The connection has left the subscription. */
  forget(name: string, connection: Connection): void {
    const slow = this.#byName.get(name)?.get(connection);
    if (slow !== undefined) this.#forget(name, slow);
  }

  #forget(name: string, slow: SlowSubscriber): void {
    slow.isWanted = false;
    const others = this.#byName.get(name);
    if (others?.get(slow.connection) !== slow) return;
    others.delete(slow.connection);
    if (others.size === 0) this.#byName.delete(name);
  }
}

class SlowSubscriber implements Claim {
  readonly connection: Connection;
  readonly most = Number.POSITIVE_INFINITY;
  epoch: string | undefined;
  offset = 0;
  isWanted = true;
  hasMissed = false;
  hasMissedPresence = false;
  /** Why something is missing before its place, where it could not be told so yet. */
  #untold: GapReason | undefined;
  readonly #name: string;
  readonly #parts: SlowSubscribersParts;
  readonly #forget: () => void;

  constructor(name: string, connection: Connection, parts: SlowSubscribersParts, forget: () => void) {
    this.connection = connection;
    this.#name = name;
    this.#parts = parts;
    this.#forget = forget;
    const place = parts.track(name)?.place;
    this.epoch = place?.epoch;
    this.offset = place?.offset ?? 0;
  }

  /** Goes on when the outbox is empty. */
  wait(): void {
    this.connection.whenTaken(() => {
      if (!this.isWanted) return;
      if (!this.connection.open) return this.#forget();
      const track = this.#parts.track(this.#name);
      if (track === undefined || this.epoch === undefined) this.#rejoin('no-history');
      else if (this.#untold === undefined || this.#tell(this.#untold)) track.add(this);
      else this.wait();
    });
  }

  take(publication: Publication): boolean {
    if (publication.exclude.includes(this.connection.id)) return true;
    if (this.#parts.delivery.deliverTo(this.connection, publication)) return true;
    this.wait();
    return false;
  }

  arrived(epoch: string, offset: number): void {
    this.#rejoin(this.hasMissed ? 'no-history' : undefined, { epoch, offset });
  }

  lost(reason: LostReason, epoch: string, offset: number): void {
    this.#rejoin(reason, { epoch, offset });
  }

  failed(_error: unknown, last: boolean): boolean {
    if (last) this.#rejoin('unavailable');
    return !last;
  }

  dropped(): void {
    this.#forget();
  }

  /**
   * Back among the subscribers, unless even the notice finds no room: then it stays behind, at the place where it is.
   * @param place undefined: where it was; it will ask the history again
   */
  #rejoin(gap: GapReason | undefined, place?: Position): void {
    if (!this.connection.open) return this.#forget();
    if (gap === undefined ? this.#tellPresence() : this.#tell(gap)) {
      this.#forget();
      this.#parts.hub.add(this.#name, this.connection);
      return;
    }
    if (place !== undefined) {
      ({ epoch: this.epoch, offset: this.offset } = place);
      this.#untold = gap;
    }
    this.wait();
  }

  /** @returns whether it was told, or nothing need be */
  #tell(gap: GapReason): boolean {
    const { delivery, counts, rules } = this.#parts;
    if (!delivery.gapTo(this.connection, this.#name)) return false;
    counts.countGap(rules.label(this.#name), gap);
    // The notice says all that there was to say.
    this.#untold = undefined;
    this.hasMissed = false;
    this.hasMissedPresence = false;
    return true;
  }

  /** @returns as `tell` */
  #tellPresence(): boolean {
    if (!this.hasMissedPresence) return true;
    this.hasMissedPresence = !this.#parts.delivery.presenceGapTo(this.connection, this.#name);
    return !this.hasMissedPresence;
  }
}
