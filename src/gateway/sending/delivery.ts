import type { PresenceEvent, Publication } from '../../broker/broker.ts';
import type { Log } from '../../lib/log.ts';
import type { Counts } from '../../metrics/counts.ts';
import type { Connection } from '../connection.ts';
import type { Encoding, Message } from '../encoding.ts';
import type { EntryContent } from './entry.ts';
import type { Flushed, FlushScheduler } from './flush-scheduler.ts';
import { Frame } from './frame.ts';
import type { CompressionOptions } from '../gateway-options.ts';
import type { Audience, Hub } from '../hub.ts';
import { DeliveryLag } from './delivery-lag.ts';
import type { Missed } from './missed-note.ts';
import { RecalledFrames } from './recalled-frames.ts';
import type { SubscriptionRules } from '../subscription-rules.ts';

export interface DeliveryParts {
  readonly hub: Hub;
  /** By id, of this worker. */
  readonly connections: ReadonlyMap<string, Connection>;
  readonly scheduler: FlushScheduler;
  readonly compression: CompressionOptions;
  readonly counts: Counts;
  readonly rules: SubscriptionRules;
  readonly log: Log;
}

export interface MissedFrames {
  readonly frames: readonly Frame[];
  /** Whether they say that publications are missing. */
  readonly isGap: boolean;
}

/**
 * From the broker to the outboxes: one frame per encoding present among the subscribers, the same bytes for each.
 * Never throws: an encoding that does is counted, logged the first time, and its connections miss that publication.
 */
export class Delivery {
  readonly #hub: Hub;
  readonly #connections: ReadonlyMap<string, Connection>;
  readonly #scheduler: FlushScheduler;
  readonly #compression: CompressionOptions;
  readonly #counts: Counts;
  readonly #rules: SubscriptionRules;
  readonly #log: Log;
  readonly #failed = new WeakSet<Encoding>();
  readonly #recalled = new RecalledFrames((encoding, publication) => this.#recall(encoding, publication));

  constructor({ hub, connections, scheduler, compression, counts, rules, log }: DeliveryParts) {
    this.#hub = hub;
    this.#connections = connections;
    this.#scheduler = scheduler;
    this.#compression = compression;
    this.#counts = counts;
    this.#rules = rules;
    this.#log = log;
  }

  /**
   * @param isLive it comes from the broker just now, not from history
   * @returns to how many it was given
   */
  deliver(publication: Publication, isLive = true): number {
    const { subscription, exclude, publishedMs } = publication;
    const audience = this.#hub.audience(subscription);
    if (audience === undefined) return 0;
    const { counts } = audience;
    const given = this.#fanOut(
      audience,
      { name: subscription, content: 'publication' },
      (encoding) => encoding.publication(publication),
      this.#excluded(exclude),
      isLive && publishedMs !== undefined ? new DeliveryLag(counts, publishedMs) : undefined,
    );
    counts.received++;
    counts.deliveries += given;
    return given;
  }

  /**
   * From history to one subscriber that the others have left behind.
   * @returns false when its outbox has no room, or it is gone
   */
  deliverTo(connection: Connection, publication: Publication): boolean {
    const frame = this.#recalled.get(connection.encoding, publication);
    if (frame === undefined) return true;
    const given = connection.enqueue(frame, this.#counts);
    if (given) this.#counts.ofRule(this.#rules.label(publication.subscription)).deliveries++;
    return given;
  }

  /** What `replayTo` will need is made now, where the encoding has something of its own for it. */
  prepareReplay(connection: Connection, publication: Publication): void {
    if (connection.encoding.recalled !== undefined)
      connection.prepare(this.#recalled.get(connection.encoding, publication));
  }

  /** From history to one connection. @returns false when that is more than `mostBytes`: it is given nothing then */
  replayTo(connection: Connection, publications: readonly Publication[], mostBytes: number): boolean {
    const frames: Frame[] = [];
    for (const publication of publications) {
      const frame = this.#recalled.get(connection.encoding, publication);
      if (frame !== undefined) frames.push(frame);
    }
    return connection.enqueueAll(frames, this.#counts, mostBytes);
  }

  presence(event: PresenceEvent): void {
    this.#tellAll(event.subscription, 'presence', (encoding) => encoding.presence?.(event));
  }

  /** @returns how many were told */
  gap(name: string): number {
    return this.#tellAll(name, 'other', (encoding) => encoding.gap?.(name));
  }

  presenceGap(name: string): void {
    this.#tellAll(name, 'other', (encoding) => encoding.presenceGap?.(name));
  }

  /** One subscriber. @returns false when its outbox has no room, or it is gone */
  gapTo(connection: Connection, name: string): boolean {
    return this.#tell(connection, name, (encoding) => encoding.gap?.(name));
  }

  /** As `gapTo`. */
  presenceGapTo(connection: Connection, name: string): boolean {
    return this.#tell(connection, name, (encoding) => encoding.presenceGap?.(name));
  }

  /** What a client is told of what it was not given. */
  missed({ encoding }: Connection, name: string, missed: Missed): MissedFrames {
    const { publications, hasPresence, hasMore } = missed;
    const gaps = [
      publications > 0 ? this.#encode(encoding, (one) => one.gap?.(name, publications)) : undefined,
      hasMore ? this.#encode(encoding, (one) => one.gap?.(name)) : undefined,
    ].filter((message) => message !== undefined);
    const stale = hasPresence ? this.#encode(encoding, (one) => one.presenceGap?.(name)) : undefined;
    const messages = stale === undefined ? gaps : [...gaps, stale];
    return { isGap: gaps.length > 0, frames: messages.map((message) => this.#frame(message, name, 'other')) };
  }

  #tell(connection: Connection, name: string, encode: (encoding: Encoding) => Message | undefined): boolean {
    const message = this.#encode(connection.encoding, encode);
    return message === undefined || connection.enqueue(this.#frame(message, name, 'other'), this.#counts);
  }

  /** @returns how many connections were told something */
  #tellAll(name: string, content: EntryContent, encode: (encoding: Encoding) => Message | undefined): number {
    const audience = this.#hub.audience(name);
    return audience === undefined ? 0 : this.#fanOut(audience, { name, content }, encode);
  }

  /**
   * @param flushed is told when the sockets have been handed it
   * @returns how many connections were given something
   */
  #fanOut(
    audience: Audience,
    { name, content }: { readonly name: string; readonly content: EntryContent },
    encode: (encoding: Encoding) => Message | undefined,
    excluded?: ReadonlySet<Connection>,
    flushed?: Flushed,
  ): number {
    const { groups } = audience;
    this.#scheduler.begin(sizeOf(groups), audience);
    let given = 0;
    let bytes = 0;
    let last: { readonly message: Message; readonly frame: Frame } | undefined;
    try {
      for (const [encoding, subscribers] of groups) {
        const message = this.#encode(encoding, encode);
        if (message === undefined) continue;
        // Encodings that answer with the same message share its bytes as well.
        if (last?.message !== message) last = { message, frame: this.#frame(message, name, content) };
        const { frame } = last;
        bytes = Math.max(bytes, message.data.length);
        for (const connection of subscribers) {
          if (excluded?.has(connection) === true) continue;
          if (connection.enqueue(frame, this.#counts)) given++;
        }
      }
      if (flushed !== undefined && given > 0) this.#scheduler.whenFlushed(flushed);
    } finally {
      this.#scheduler.end(given, bytes);
    }
    return given;
  }

  #recall(encoding: Encoding, publication: Publication): Frame | undefined {
    const message = this.#encode(encoding, () =>
      encoding.recalled === undefined ? encoding.publication(publication) : encoding.recalled(publication),
    );
    return message && this.#frame(message, publication.subscription, 'publication');
  }

  #frame(message: Message, subscription: string, content: EntryContent): Frame {
    return new Frame(message, this.#compression, subscription, content);
  }

  #encode(encoding: Encoding, encode: (encoding: Encoding) => Message | undefined): Message | undefined {
    try {
      return encode(encoding);
    } catch (error) {
      this.#counts.appErrors++;
      if (!this.#failed.has(encoding)) {
        this.#failed.add(encoding);
        this.#log.error(
          { event: 'encoding-error', encoding: encoding.name, err: error },
          'an encoding failed; further failures of it are counted only',
        );
      }
      return undefined;
    }
  }

  /** The excluded connections that are on this worker. */
  #excluded(ids: readonly string[]): ReadonlySet<Connection> | undefined {
    if (ids.length === 0) return undefined;
    const excluded = new Set<Connection>();
    for (const id of ids) {
      const connection = this.#connections.get(id);
      if (connection !== undefined) excluded.add(connection);
    }
    return excluded.size === 0 ? undefined : excluded;
  }
}

function sizeOf(groups: Audience['groups']): number {
  let size = 0;
  for (const subscribers of groups.values()) size += subscribers.size;
  return size;
}
