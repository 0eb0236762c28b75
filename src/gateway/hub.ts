import type { Connection } from './connection.ts';
import type { Encoding } from './encoding.ts';

/** A subscription's local subscribers, grouped by the encoding they are sent. */
export type Audience = ReadonlyMap<Encoding, ReadonlySet<Connection>>;

/**
 * Who is in which subscription on this worker. Knows no broker, encodes nothing, does no I/O.
 */
export class Hub {
  readonly #audiences = new Map<string, Map<Encoding, Set<Connection>>>();

  /** Subscriptions with a local subscriber. */
  get size(): number {
    return this.#audiences.size;
  }

  /** @returns whether the connection is the subscription's first */
  add(name: string, connection: Connection): boolean {
    let audience = this.#audiences.get(name);
    const first = audience === undefined;
    if (audience === undefined) this.#audiences.set(name, (audience = new Map()));
    const group = audience.get(connection.encoding);
    if (group === undefined) audience.set(connection.encoding, new Set([connection]));
    else group.add(connection);
    return first;
  }

  /** @returns whether the connection was the subscription's last */
  remove(name: string, connection: Connection): boolean {
    const audience = this.#audiences.get(name);
    const group = audience?.get(connection.encoding);
    if (audience === undefined || group === undefined || !group.delete(connection)) return false;
    if (group.size === 0) audience.delete(connection.encoding);
    if (audience.size > 0) return false;
    this.#audiences.delete(name);
    return true;
  }

  audience(name: string): Audience | undefined {
    return this.#audiences.get(name);
  }
}
