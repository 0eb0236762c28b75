import type { PresenceCapability, PresencePage, PresenceStats } from '../broker/broker.ts';
import type { Connection } from './connection.ts';
import { CapabilityError } from './errors.ts';
import type { Joining } from './joining.ts';
import type { SubscriptionRules } from './subscription-rules.ts';
import type { Trace } from './trace.ts';

/**
 * Who is present where, and what is said of them. Where the rule switches presence off nobody is present, whatever
 * apps ask for, and there is nobody to list: apps go on as in an empty room.
 */
export class Presence {
  readonly #capability: PresenceCapability | undefined;
  readonly #rules: SubscriptionRules;
  readonly #trace: Trace;

  constructor(capability: PresenceCapability | undefined, rules: SubscriptionRules, trace: Trace) {
    this.#capability = capability;
    this.#rules = rules;
    this.#trace = trace;
  }

  /** @throws CapabilityError */
  check(): PresenceCapability {
    if (this.#capability === undefined) throw new CapabilityError('presence');
    return this.#capability;
  }

  /** To be called for connections that are in the subscription. */
  async enter(connection: Connection, joining: Joining, info: string): Promise<void> {
    const { name } = joining;
    if (!this.#rules.ruleOf(name).presence) return;
    joining.isPresent = true;
    const user = connection.identity?.user;
    await this.check().enter(name, { connectionId: connection.id, info, ...(user === undefined ? {} : { user }) });
  }

  /** @returns false when the connection is not present there (any more) */
  async update(connection: Connection, name: string, info: string): Promise<boolean> {
    const joining = connection.subscriptions?.get(name);
    if (joining?.isPresent !== true) return false;
    await this.enter(connection, joining, info);
    return joining.isPresent;
  }

  /** Harmless where it is not present. */
  leave(connection: Connection, joining: Joining): void {
    if (!joining.isPresent) return;
    joining.isPresent = false;
    const { name } = joining;
    // A broker that is unavailable or closed needs no farewell: its members expire.
    this.#capability?.leave(name, connection.id).catch((error: unknown) => {
      this.#trace.write('carillon:broker', { event: 'leave-failed', err: error });
    });
  }

  async members(name: string, limit: number, cursor: string | undefined): Promise<PresencePage> {
    const capability = this.check();
    return this.#rules.ruleOf(name).presence ? await capability.members(name, limit, cursor) : { members: [] };
  }

  async stats(name: string): Promise<PresenceStats> {
    const capability = this.check();
    return this.#rules.ruleOf(name).presence ? await capability.stats(name) : { connections: 0, users: 0 };
  }
}
