import type { RuleCounts } from '../metrics/rule-counts.ts';
import type { Connection } from './connection.ts';
import type { Encoding } from './encoding.ts';
import type { Paced } from './sending/flush-scheduler.ts';

/** A subscription's local subscribers. */
export interface Audience extends Paced {
  /** By the encoding they are sent. */
  readonly groups: ReadonlyMap<Encoding, ReadonlySet<Connection>>;
  /** Of the subscription's rule; here, because they are wanted with every publication. */
  readonly counts: RuleCounts;
}

interface OwnAudience extends Audience {
  readonly groups: Map<Encoding, Set<Connection>>;
}

/**
 * Who is in which subscription on this worker. Knows no broker, encodes nothing, does no I/O.
 */
export class Hub {
  readonly #audiences = new Map<string, OwnAudience>();
  readonly #countsOf: (name: string) => RuleCounts;

  /** @param countsOf asked once for each subscription that gets a local subscriber */
  constructor(countsOf: (name: string) => RuleCounts) {
    this.#countsOf = countsOf;
  }

  /** Subscriptions with a local subscriber. */
  get size(): number {
    return this.#audiences.size;
  }

  /** @returns whether the connection is the subscription's first */
  add(name: string, connection: Connection): boolean {
    let audience = this.#audiences.get(name);
    const first = audience === undefined;
    if (audience === undefined) {
      audience = { groups: new Map(), counts: this.#countsOf(name), pace: undefined };
      this.#audiences.set(name, audience);
    }
    const group = audience.groups.get(connection.encoding);
    if (group === undefined) audience.groups.set(connection.encoding, new Set([connection]));
    else group.add(connection);
    return first;
  }

  /** @returns whether the connection was the subscription's last */
  remove(name: string, connection: Connection): boolean {
    const audience = this.#audiences.get(name);
    const group = audience?.groups.get(connection.encoding);
    if (audience === undefined || group === undefined || !group.delete(connection)) return false;
    if (group.size === 0) audience.groups.delete(connection.encoding);
    if (audience.groups.size > 0) return false;
    this.#audiences.delete(name);
    return true;
  }

  audience(name: string): Audience | undefined {
    return this.#audiences.get(name);
  }
}
