import type { Broker, PresencePage } from '../broker/broker.ts';
import type { Counts } from '../metrics/counts.ts';
import type { Connection } from './connection.ts';
import { CapabilityError, SubscriptionNameError } from './errors.ts';
import type { Hub } from './hub.ts';
import type { Trace } from './trace.ts';

/** Reaches every connection of the cluster; nobody subscribes to it, everybody is in it. */
export const everyone = 'all';

/**
 * Keeps the hub and the broker of one mind: the broker is subscribed to a name from its first local subscriber to its
 * last, and presence follows its connections.
 */
export class Subscriptions {
  readonly #hub: Hub;
  readonly #broker: Broker;
  readonly #counts: Counts;
  readonly #trace: Trace;
  /** Subscribed name → the broker's confirmation. */
  readonly #confirmations = new Map<string, Promise<void>>();

  constructor(hub: Hub, broker: Broker, counts: Counts, trace: Trace) {
    this.#hub = hub;
    this.#broker = broker;
    this.#counts = counts;
    this.#trace = trace;
  }

  /**
   * @param presence JSON; undefined keeps the connection out of presence
   * @returns whether the connection is in the subscription now
   */
  async subscribe(connection: Connection, name: string, presence: string | undefined): Promise<boolean> {
    checkName(name);
    if (name === everyone) throw new SubscriptionNameError(`"${everyone}" is reserved: every connection is in it`);
    if (presence !== undefined && this.#broker.presence === undefined) throw new CapabilityError('presence');
    if (!connection.open) return false;
    const joined = this.#join(connection, name);
    const confirmation = this.#confirmations.get(name);
    try {
      await confirmation;
      if (presence !== undefined && isIn(connection, name)) await this.#enter(connection, name, presence);
    } catch (error) {
      // What an earlier call did stays; and if it left and came back meanwhile, the new confirmation counts.
      if (joined && this.#confirmations.get(name) === confirmation) this.unsubscribe(connection, name);
      throw error;
    }
    return isIn(connection, name);
  }

  unsubscribe(connection: Connection, name: string): void {
    if (connection.subscriptions?.delete(name) === true) this.#part(connection, name);
  }

  /** Takes a closing connection out of everything, `all` included. */
  leaveAll(connection: Connection): void {
    this.#hub.remove(everyone, connection);
    for (const name of connection.subscriptions ?? []) this.#part(connection, name);
    connection.subscriptions = undefined;
  }

  async members(name: string, limit: number, cursor: string | undefined): Promise<PresencePage> {
    if (this.#broker.presence === undefined) throw new CapabilityError('presence');
    return await this.#broker.presence.members(name, limit, cursor);
  }

  async updatePresence(connection: Connection, name: string, info: string): Promise<boolean> {
    if (!isPresent(connection, name)) return false;
    await this.#enter(connection, name, info);
    return isPresent(connection, name);
  }

  /** @returns whether it was not in before */
  #join(connection: Connection, name: string): boolean {
    if (isIn(connection, name)) return false;
    connection.subscriptions ??= new Set();
    connection.subscriptions.add(name);
    this.#counts.subscribers++;
    this.#trace.write('carillon:subscription', { event: 'subscribe', connection: connection.id, subscription: name });
    if (this.#hub.add(name, connection)) {
      this.#counts.subscriptions++;
      this.#confirmations.set(name, this.#broker.subscribe([name]));
    }
    return true;
  }

  #part(connection: Connection, name: string): void {
    this.#counts.subscribers--;
    this.#trace.write('carillon:subscription', { event: 'unsubscribe', connection: connection.id, subscription: name });
    if (connection.presences?.delete(name) === true) {
      this.#ignoreWhenGone(this.#broker.presence?.leave(name, connection.id));
    }
    if (!this.#hub.remove(name, connection)) return;
    this.#counts.subscriptions--;
    this.#confirmations.delete(name);
    this.#ignoreWhenGone(this.#broker.unsubscribe([name]));
  }

  async #enter(connection: Connection, name: string, info: string): Promise<void> {
    connection.presences ??= new Map();
    connection.presences.set(name, info);
    const user = connection.identity?.user;
    await this.#broker.presence?.enter(name, {
      connectionId: connection.id,
      info,
      ...(user === undefined ? {} : { user }),
    });
  }

  /** Leaving a broker that is unavailable or closed needs no answer: it forgets its subscribers by itself. */
  #ignoreWhenGone(leaving: Promise<void> | undefined): void {
    leaving?.catch((error: unknown) => {
      this.#trace.write('carillon:broker', { event: 'leave-failed', err: error });
    });
  }
}

function isPresent(connection: Connection, name: string): boolean {
  return connection.presences?.has(name) === true;
}

function isIn(connection: Connection, name: string): boolean {
  return connection.subscriptions?.has(name) === true;
}

/** @throws SubscriptionNameError */
export function checkName(name: string): void {
  if (name === '') throw new SubscriptionNameError('a subscription needs a name, found ""');
}
