/**
 * Between the broker and the delivery: sees to it that the subscribers of a subscription with history are given its
 * publications exactly, and that all others are told where something may be missing.
 *
 * It is the delivery half's sixth file. It cannot be part of the delivery, which knows connections and no broker, nor
 * of the broker, which knows no subscribers and whose every kind would need it; and it has to stand on the path, as
 * only there every publication is seen before anybody is given it. What it costs there is one look-up for a
 * publication with a position, and nothing for others.
 */
import type { HistoryCapability, PresenceEvent, Publication } from '../../broker/broker.ts';
import type { Counts, GapReason } from '../../metrics/counts.ts';
import type { Delivery } from '../sending/delivery.ts';
import type { RecoveryOptions } from '../gateway-options.ts';
import { GapNotices } from './gap-notices.ts';
import { PositionKeeper } from './position-keeper.ts';
import { RecoveryQueue } from './recovery-queue.ts';
import type { SlowSubscribers } from '../sending/slow-subscribers.ts';
import type { SubscriptionRules } from '../subscription-rules.ts';
import { Track, type TrackParts } from './track.ts';

/** How long it takes to ask for the positions of all tracks once, in milliseconds: far less than brokers remember them. */
const keepRoundMs = 4 * 60 * 60_000;

export interface ContinuityParts {
  readonly history: HistoryCapability | undefined;
  readonly delivery: Delivery;
  readonly slow: SlowSubscribers;
  readonly rules: SubscriptionRules;
  readonly limits: RecoveryOptions;
  readonly counts: Counts;
  /** How long it takes to ask for all positions once, in milliseconds. Default four hours. */
  readonly keepRoundMs?: number;
}

export class Continuity {
  readonly #parts: ContinuityParts;
  readonly #trackParts: TrackParts | undefined;
  readonly #notices: GapNotices;
  readonly #tracks = new Map<string, Track>();
  readonly #queue: RecoveryQueue;
  readonly #keeper: PositionKeeper | undefined;

  constructor(parts: ContinuityParts) {
    this.#parts = parts;
    this.#notices = new GapNotices((name) => this.#suspect(name));
    const { history, limits, counts, rules } = parts;
    this.#queue = new RecoveryQueue(limits.patienceMs);
    if (history === undefined) return;
    this.#keeper = new PositionKeeper(history, this.#tracks, parts.keepRoundMs ?? keepRoundMs);
    this.#trackParts = {
      history,
      patienceMs: limits.patienceMs,
      deliver: (publication, isLive) => this.#parts.delivery.deliver(publication, isLive),
      gap: (name, reason, missed) => {
        if (missed !== undefined) counts.countMissed(rules.label(name), missed);
        this.#tell(name, reason);
      },
      recovered: (name, publications) => counts.countRecovered(rules.label(name), publications),
      dropped: () => void counts.duplicatesDropped++,
      wantsReading: (track, urgency) => this.#queue.add(track, urgency),
      wantsAgain: (track, failures) => this.#queue.addLater(track, failures),
      waitsAnew: (track) => this.#queue.renew(track),
      needsNoReading: (track) => this.#queue.remove(track),
    };
  }

  /** The track of a subscription, if it is one with history and has a local subscriber. */
  track(name: string): Track | undefined {
    return this.#tracks.get(name);
  }

  /** To be called before the broker is asked to subscribe, for a subscription whose rule keeps history. */
  open(name: string): void {
    if (this.#trackParts === undefined) return;
    this.#tracks.set(name, new Track(name, this.#trackParts));
    this.#keeper?.start();
  }

  /** The last subscriber has gone. Harmless without a track. */
  close(name: string): void {
    const track = this.#tracks.get(name);
    if (track === undefined) return;
    this.#tracks.delete(name);
    track.close();
  }

  deliver(publication: Publication): void {
    const { subscription, position } = publication;
    if (this.#notices.size > 0) this.#notices.tellNow(subscription);
    if (position === undefined) return this.#deliverBare(publication);
    const track = this.#tracks.get(subscription);
    if (track === undefined) this.#parts.delivery.deliver(publication);
    else track.live(publication, position.epoch, position.offset);
  }

  presence(event: PresenceEvent): void {
    if (this.#notices.size > 0) this.#notices.tellNow(event.subscription);
    this.#parts.delivery.presence(event);
    this.#parts.slow.missedPresence(event.subscription);
  }

  /** Thousands of names at a time, after Redis was away: they are noted here, and dealt with in the turns that follow. */
  gap(names: readonly string[]): void {
    for (const name of names) this.#notices.add(name);
  }

  /** It is in no history: who is not there for it has missed it for good. */
  #deliverBare(publication: Publication): void {
    this.#parts.delivery.deliver(publication);
    this.#parts.slow.missed(publication.subscription);
  }

  #suspect(name: string): void {
    const track = this.#tracks.get(name);
    if (track === undefined) return this.#tell(name, 'no-history');
    // No history gives events of presence back.
    this.#parts.delivery.presenceGap(name);
    this.#parts.slow.missedPresence(name);
    track.suspect();
  }

  #tell(name: string, reason: GapReason): void {
    // Names without subscribers, and clients whose encoding has no word for it, are told nothing.
    const told = this.#parts.delivery.gap(name);
    if (told > 0) this.#parts.counts.countGap(this.#parts.rules.label(name), reason);
    this.#parts.slow.missed(name);
  }
}
