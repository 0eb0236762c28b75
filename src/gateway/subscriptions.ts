import type { Broker, Position } from '../broker/broker.ts';
import type { Counts } from '../metrics/counts.ts';
import { tooManySubscriptions } from './close-codes.ts';
import type { NotRecoveredReason, Subscribed, SubscribeOptions } from './calls.ts';
import { checkPosition } from './check-arguments.ts';
import type { Connection } from './connection.ts';
import type { Delivery } from './sending/delivery.ts';
import type { Continuity } from './recovery/continuity.ts';
import { CapabilityError } from './errors.ts';
import type { RecoveryOptions } from './gateway-options.ts';
import type { Hub } from './hub.ts';
import { JoinClaim } from './recovery/join-claim.ts';
import { type Joining, Joinings } from './joining.ts';
import type { Presence } from './presence.ts';
import type { SlowSubscribers } from './sending/slow-subscribers.ts';
import { checkSubscribable, everyone } from './subscription-name.ts';
import type { SubscriptionRule, SubscriptionRules } from './subscription-rules.ts';
import type { Track } from './recovery/track.ts';
import type { Trace } from './trace.ts';

export interface SubscriptionsParts {
  readonly hub: Hub;
  readonly broker: Broker;
  readonly rules: SubscriptionRules;
  readonly continuity: Continuity;
  readonly slow: SlowSubscribers;
  readonly presence: Presence;
  readonly delivery: Delivery;
  readonly limits: RecoveryOptions;
  readonly counts: Counts;
  readonly trace: Trace;
}

/** A name that has local subscribers, or such as are about to be. */
interface Feed {
  subscribers: number;
  /** The broker's. */
  confirmation: Promise<void>;
  /** Where it has history. */
  readonly track: Track | undefined;
  /** Somebody comes back; what is made for them is made for all who come back with them. */
  isPreparing: boolean;
}

/**
 * Keeps the hub, the broker and the histories of one mind: the broker is subscribed to a name from its first local
 * subscriber to its last, and whoever joins a subscription with history does so at a known place.
 */
export class Subscriptions {
  readonly #parts: SubscriptionsParts;
  readonly #feeds = new Map<string, Feed>();

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts;
  }

  /** @returns undefined when the connection is not in the subscription at the end */
  async subscribe(
    connection: Connection,
    name: string,
    { presence, since }: SubscribeOptions,
  ): Promise<Subscribed | undefined> {
    checkSubscribable(name);
    if (since !== undefined) checkPosition('since', since);
    if (presence !== undefined) this.#parts.presence.check();
    if (!connection.open) return undefined;
    const joining = connection.subscriptions?.get(name) ?? this.#join(connection, name);
    if (joining === undefined) return undefined;
    joining.pending++;
    const feed = this.#feeds.get(name);
    const isIn = (): boolean => connection.subscriptions?.get(name) === joining;
    try {
      await feed?.confirmation;
      if (presence !== undefined && isIn()) await this.#parts.presence.enter(connection, joining, presence);
      if (!isIn()) return undefined;
      const subscribed =
        feed?.track === undefined
          ? this.#withoutHistory(since)
          : await this.#claim(feed, feed.track, connection, name, since, isIn);
      joining.hasSucceeded = true;
      return subscribed;
    } catch (error) {
      // What another call did, or is about to do, stays.
      if (joining.pending === 1 && !joining.hasSucceeded && isIn()) this.unsubscribe(connection, name);
      throw error;
    } finally {
      joining.pending--;
    }
  }

  unsubscribe(connection: Connection, name: string): void {
    const joining = connection.subscriptions?.delete(name);
    if (joining !== undefined) this.#part(connection, joining);
  }

  /** Takes a closing connection out of everything, `all` included. */
  leaveAll(connection: Connection): void {
    this.#parts.hub.remove(everyone, connection);
    const joinings = connection.subscriptions?.values() ?? [];
    connection.subscriptions = undefined;
    for (const joining of joinings) this.#part(connection, joining);
  }

  /** @returns undefined where the connection is in as many as it may be, and is being closed */
  #join(connection: Connection, name: string): Joining | undefined {
    const { counts, trace } = this.#parts;
    const most = connection.limits.subscriptions;
    if (most > 0 && (connection.subscriptions?.size ?? 0) >= most) {
      counts.countLimit('subscriptions');
      connection.close(tooManySubscriptions, `more than ${most} subscriptions (limits.subscriptions)`);
      return undefined;
    }
    const joining: Joining = { name, pending: 0, hasSucceeded: false, isPresent: false };
    connection.subscriptions ??= new Joinings();
    connection.subscriptions.add(joining);
    counts.subscribers++;
    trace.write('carillon:subscription', { event: 'subscribe', connection: connection.id, subscription: name });
    const feed = this.#feeds.get(name) ?? this.#open(name);
    feed.subscribers++;
    // With history it joins when its place is known.
    if (feed.track === undefined) this.#parts.hub.add(name, connection);
    return joining;
  }

  #open(name: string): Feed {
    const { continuity, broker, rules, counts } = this.#parts;
    if (rules.ruleOf(name).history !== undefined) continuity.open(name);
    counts.subscriptions++;
    const feed: Feed = {
      subscribers: 0,
      confirmation: broker.subscribe([name]),
      track: continuity.track(name),
      isPreparing: false,
    };
    this.#feeds.set(name, feed);
    return feed;
  }

  #part(connection: Connection, joining: Joining): void {
    const { name } = joining;
    const { counts, trace, hub, slow, presence, continuity, broker } = this.#parts;
    counts.subscribers--;
    trace.write('carillon:subscription', { event: 'unsubscribe', connection: connection.id, subscription: name });
    presence.leave(connection, joining);
    slow.forget(name, connection);
    hub.remove(name, connection);
    const feed = this.#feeds.get(name);
    if (feed === undefined || --feed.subscribers > 0) return;
    counts.subscriptions--;
    this.#feeds.delete(name);
    continuity.close(name);
    // A broker that is unavailable or closed needs no farewell: it forgets its subscribers by itself.
    broker.unsubscribe([name]).catch((error: unknown) => {
      trace.write('carillon:broker', { event: 'leave-failed', err: error });
    });
  }

  #withoutHistory(since: Position | undefined): Subscribed {
    if (since === undefined) return { recovered: false, publications: [] };
    const reason: NotRecoveredReason = 'no-history';
    this.#parts.counts.countRecovery(reason);
    return { recovered: false, reason, publications: [] };
  }

  async #claim(
    feed: Feed,
    track: Track,
    connection: Connection,
    name: string,
    since: Position | undefined,
    isWanted: () => boolean,
  ): Promise<Subscribed | undefined> {
    const { hub, slow, delivery, counts, limits } = this.#parts;
    const prepares = since !== undefined && !feed.isPreparing;
    if (prepares) feed.isPreparing = true;
    const claim = new JoinClaim({
      connection,
      since,
      limits,
      isWanted,
      taken: prepares ? (publication) => delivery.prepareReplay(connection, publication) : undefined,
      admit: () => {
        // Who has fallen behind comes back at a place of its own.
        if (!slow.has(name, connection)) hub.add(name, connection);
      },
      ended: (result) => counts.countRecovery(result),
    });
    track.add(claim);
    try {
      return await claim.settled;
    } finally {
      if (prepares) feed.isPreparing = false;
    }
  }
}

/** @throws CapabilityError when a rule keeps history and the broker cannot */
export function checkRules(configured: readonly SubscriptionRule[], broker: Broker): void {
  if (broker.history !== undefined) return;
  const rule = configured.find(({ history }) => history !== undefined && history !== false);
  if (rule === undefined) return;
  throw new CapabilityError(
    'history',
    `subscriptions: the rule ${JSON.stringify(rule.pattern)} keeps history, and the broker in use cannot`,
  );
}

/** @throws CapabilityError where the subscription has none */
export function checkHistory(rules: SubscriptionRules, name: string): void {
  const { history, pattern } = rules.ruleOf(name);
  if (history !== undefined) return;
  const why = pattern === undefined ? 'no rule gives it one' : `its rule, ${JSON.stringify(pattern)}, gives it none`;
  throw new CapabilityError(
    'history',
    `the subscription ${JSON.stringify(name)} keeps no history: ${why}; expected "history: {size, ttl}" in "subscriptions"`,
  );
}
