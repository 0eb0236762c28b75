import type { PresenceEvent, Publication } from '../broker/broker.ts';
import type { Log } from '../lib/log.ts';
import type { Counts } from '../metrics/counts.ts';
import type { Connection } from './connection.ts';
import type { Encoding, Message } from './encoding.ts';
import { Frame } from './frame.ts';
import type { CompressionOptions } from './gateway-options.ts';
import type { Hub } from './hub.ts';

/**
 * From the broker to the outboxes: one frame per encoding present among the subscribers, the same bytes for each.
 * Never throws: an encoding that does is counted, logged the first time, and its connections miss that publication.
 */
export class Delivery {
  readonly #hub: Hub;
  readonly #connections: ReadonlyMap<string, Connection>;
  readonly #compression: CompressionOptions;
  readonly #counts: Counts;
  readonly #log: Log;
  readonly #failed = new WeakSet<Encoding>();

  constructor(
    hub: Hub,
    connections: ReadonlyMap<string, Connection>,
    compression: CompressionOptions,
    counts: Counts,
    log: Log,
  ) {
    this.#hub = hub;
    this.#connections = connections;
    this.#compression = compression;
    this.#counts = counts;
    this.#log = log;
  }

  deliver(publication: Publication): void {
    const excluded = this.#excluded(publication.exclude);
    this.#counts.deliveries += this.#fanOut(
      publication.subscription,
      (encoding) => encoding.publication(publication),
      excluded,
    );
  }

  presence(event: PresenceEvent): void {
    this.#fanOut(event.subscription, (encoding) => encoding.presence?.(event));
  }

  gap(names: readonly string[]): void {
    this.#counts.gaps += names.length;
    for (const name of names) this.#fanOut(name, (encoding) => encoding.gap?.(name));
  }

  /** @returns how many connections were given something */
  #fanOut(
    name: string,
    encode: (encoding: Encoding) => Message | undefined,
    excluded?: ReadonlySet<Connection>,
  ): number {
    const audience = this.#hub.audience(name);
    if (audience === undefined) return 0;
    let given = 0;
    let last: { readonly message: Message; readonly frame: Frame } | undefined;
    for (const [encoding, subscribers] of audience) {
      const message = this.#encode(encoding, encode);
      if (message === undefined) continue;
      // Encodings that answer with the same message share its bytes as well.
      if (last?.message !== message) last = { message, frame: new Frame(message, this.#compression) };
      const { frame } = last;
      for (const connection of subscribers) {
        if (excluded?.has(connection) === true) continue;
        if (connection.enqueue(frame, this.#counts)) given++;
      }
    }
    return given;
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
