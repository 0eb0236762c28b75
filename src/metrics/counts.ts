import { RuleCounts } from './rule-counts.ts';

/** Why publications could not be given to subscribers. */
export type GapReason = 'no-history' | 'trimmed' | 'epoch' | 'too-many' | 'unavailable' | 'dropped';

/**
 * Why a handshake was refused. `malformed`: it was none. `origin`: the page is of a site that may not. `unauthorized`,
 * `forbidden`: nobody, or somebody who may not. `rate`, `connections`, `address`: `accept.rate`, `accept.connections`
 * and `accept.perAddress` were reached. `abandoned`: the client had gone before the answer.
 */
const handshakeRefusals = [
  'malformed',
  'origin',
  'unauthorized',
  'forbidden',
  'not-found',
  'rate',
  'connections',
  'address',
  'draining',
  'abandoned',
  'other',
] as const;

export type HandshakeRefusal = (typeof handshakeRefusals)[number];

/** What a client can have too much of; each but the outbox is `limits.…` or `accept.perUser` in the configuration. */
export const limitNames = [
  'message-bytes',
  'outbox-bytes',
  'messages-per-second',
  'bytes-per-second',
  'subscriptions',
  'user-connections',
] as const;

export type LimitName = (typeof limitNames)[number];

/** Carillon's own close codes of the range for private use. */
const ownCloseCodes = { first: 4500, last: 4599 } as const;

/**
 * What the message path counts: plain numbers, because a labelled counter costs a lookup per increment. The metrics
 * read them when they are scraped.
 */
export class Counts {
  /** Connections that are open now. */
  connections = 0;
  handshakesAccepted = 0;
  /** All of `handshakesRefusedBy`. */
  handshakesRefused = 0;
  readonly handshakesRefusedBy: Map<HandshakeRefusal, number> = new Map(handshakeRefusals.map((reason) => [reason, 0]));
  /** Limit → how often a client was stopped, refused or closed by it. */
  readonly limitsExceeded: Map<LimitName, number> = new Map(limitNames.map((limit) => [limit, 0]));
  /** Connections that were closed because their worker was leaving. */
  drainedConnections = 0;
  messagesReceived = 0;
  bytesReceived = 0;
  /** Messages handed to sockets, direct sends and deliveries together. */
  messagesSent = 0;
  /** Bytes of those messages with their frame headers. */
  bytesSent = 0;
  multicastsAccepted = 0;
  multicastsRejected = 0;
  /** Multicasts that the broker has neither accepted nor rejected, now. */
  multicastsUnsettled = 0;
  /** Connections that are not read because they sent more than apps or the broker can follow, now. */
  connectionsHeld = 0;
  /** Names with at least one subscriber on this worker. */
  subscriptions = 0;
  /** Connections in subscriptions, once per subscription. */
  subscribers = 0;
  slowConsumers = 0;
  heartbeatsMissed = 0;
  /** Publications with a position that were received again, or too late, and not delivered. */
  duplicatesDropped = 0;
  appErrors = 0;
  /** By the pattern of the rule. */
  readonly rules: Map<string, RuleCounts> = new Map();
  /** Close code → closed connections. Codes that clients and apps make up are counted by their thousand. */
  readonly closes: Map<string, number> = new Map();
  /** Rule → reason → subscriptions of which somebody, or slow subscribers who, were told that something may be missing. */
  readonly gaps: Map<string, Map<GapReason, number>> = new Map();
  /** Rule → publications that no subscriber of this worker was given, where their number is known. */
  readonly missed: Map<string, number> = new Map();
  /** Rule → publications delivered from history instead of live. */
  readonly recovered: Map<string, number> = new Map();
  /** Rule → subscribers that fell behind and were not closed. */
  readonly resyncs: Map<string, number> = new Map();
  /** Rule → policy → publications that slow consumers were not given, once per subscriber. */
  readonly dropped: Map<string, Map<string, number>> = new Map();
  /** Result → subscribing with a position to continue from. */
  readonly recoveries: Map<string, number> = new Map();

  /** Publications handed to a subscriber, once per subscriber, of all rules. */
  get deliveries(): number {
    let deliveries = 0;
    for (const counts of this.rules.values()) deliveries += counts.deliveries;
    return deliveries;
  }

  /** To be kept by whoever counts often. @param rule the pattern, as `SubscriptionRules.label` says it */
  ofRule(rule: string): RuleCounts {
    let counts = this.rules.get(rule);
    if (counts === undefined) this.rules.set(rule, (counts = new RuleCounts()));
    return counts;
  }

  countHandshakeRefused(reason: HandshakeRefusal): void {
    this.handshakesRefused++;
    add(this.handshakesRefusedBy, reason, 1);
  }

  countLimit(limit: LimitName): void {
    add(this.limitsExceeded, limit, 1);
  }

  /** @param isClosedHere by Carillon or an app; the client may close with what it likes */
  countClose(code: number, isClosedHere: boolean): void {
    const isOwn = isClosedHere && code >= ownCloseCodes.first && code <= ownCloseCodes.last;
    const label = code < 3000 || isOwn ? String(code) : code < 4000 ? '3xxx' : '4xxx';
    add(this.closes, label, 1);
  }

  countGap(rule: string, reason: GapReason): void {
    add(inner(this.gaps, rule), reason, 1);
  }

  countMissed(rule: string, publications: number): void {
    if (publications > 0) add(this.missed, rule, publications);
  }

  countRecovered(rule: string, publications: number): void {
    add(this.recovered, rule, publications);
  }

  countResync(rule: string): void {
    add(this.resyncs, rule, 1);
  }

  countDropped(rule: string, policy: string, publications: number): void {
    if (publications > 0) add(inner(this.dropped, rule), policy, publications);
  }

  countRecovery(result: string): void {
    add(this.recoveries, result, 1);
  }
}

function inner<Key>(counts: Map<string, Map<Key, number>>, rule: string): Map<Key, number> {
  let found = counts.get(rule);
  if (found === undefined) counts.set(rule, (found = new Map<Key, number>()));
  return found;
}

function add<Key>(counts: Map<Key, number>, key: Key, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
