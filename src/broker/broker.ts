/**
 * What carries publications between workers and nodes. This file holds the contract only; the implementations lie
 * beside it, one folder each, and all pass the one suite in `test/contract`. Brokers never see the gateway.
 *
 * Semantics (each sentence has a test in the contract suite):
 * - Delivery is at most once: a publication reaches each subscribed broker once or, after a fault, not at all.
 * - Order: publications of one broker to one subscription are delivered everywhere in the order of the `publish` calls;
 *   where two brokers publish to one subscription, every subscribed broker sees the same order.
 * - A publication of one's own comes back through `sink.deliver` like any other; never synchronously within `publish`.
 * - `subscribe` resolves when a publication accepted later, by any broker, will be delivered here.
 * - After `unsubscribe` has been called nothing is delivered for that name, unless it is subscribed again.
 * - `subscribe` and `unsubscribe` take effect in the order of the calls; they are not reference-counted: the gateway
 *   subscribes to a name once, however many connections are in it. Subscribing twice is harmless.
 * - Names and data are arbitrary: any Unicode name, empty data, data of any bytes arrive as they were given.
 * - A publication whose `id` was accepted for its subscription within the last `idempotencyMs` is not published again;
 *   `publish` answers with the position of the first one, so that a retry is harmless.
 * - After a fault `sink.gap` names every subscription of which something may have been missed, after it is subscribed
 *   again: what is accepted later is delivered.
 * - After `close` nothing is delivered, and every other method rejects with `BrokerClosedError`.
 */
export interface Broker {
  /** Connects; resolves when the broker can publish and subscribe. Called once. */
  start(sink: BrokerSink): Promise<void>;
  subscribe(names: readonly string[]): Promise<void>;
  unsubscribe(names: readonly string[]): Promise<void>;
  /**
   * Resolves when the broker has accepted the publication, with its position where it is kept in the history. Appending
   * and publishing are one step: offsets are delivered in their order, without a hole.
   * @throws BrokerUnavailableError when it was not accepted, or, as its `outcome` says, perhaps not
   */
  publish(publication: Publication, options?: PublishOptions): Promise<Position | undefined>;
  /** Idempotent. */
  close(): Promise<void>;

  readonly history?: HistoryCapability;
  readonly presence?: PresenceCapability;
  readonly control?: ControlCapability;
  readonly probe?: ProbeCapability;
}

/** Where a broker hands over what it received. The methods do not throw and do not block. */
export interface BrokerSink {
  deliver(publication: Publication): void;
  /** Publications or events of presence of these subscriptions may have been missed, before what is delivered next. */
  gap(names: readonly string[]): void;
  /** Somebody came to, changed in or left a subscription that this broker is subscribed to. */
  presence(event: PresenceEvent): void;
}

export type MessageKind = 'text' | 'binary';

/** The message as it travels. Immutable, shared by every receiver. */
export interface Publication {
  readonly subscription: string;
  /** UTF-8 where the kind is text. */
  readonly data: Buffer;
  readonly kind: MessageKind;
  /** Ids of connections that do not get it. */
  readonly exclude: readonly string[];
  /** What the publishing app says of it to its peers on other workers: JSON, in the app's own shape. */
  readonly info?: string;
  readonly position?: Position;
  /**
   * When it was given to the broker, in milliseconds since 1970 by the clock of whoever published. Delivered as it was
   * given, or not at all: what carries it may have no place for it.
   */
  readonly publishedMs?: number;
}

export interface PublishOptions {
  /** Keeps the publication in its subscription's history. Absent: it is not kept and has no position. */
  readonly history?: HistoryRule;
  /** The publisher's name for this publication, unique in its subscription. At most 256 bytes of UTF-8. */
  readonly id?: string;
}

/** How long the ids of publications are remembered, in milliseconds. */
export const idempotencyMs: number = 5 * 60_000;

/** How much of a subscription is kept. */
export interface HistoryRule {
  /** Most publications, exactly: with the next one the oldest goes. */
  readonly size: number;
  /** How long each publication is kept, in seconds. */
  readonly ttl: number;
}

/**
 * A place in a subscription's history. The offset counts kept publications from 1; 0 is the place before the first. The
 * epoch is opaque: two positions can be compared by their offsets only where their epochs are equal. Whether an older
 * epoch can be continued from, `HistoryCapability.read` knows.
 */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/**
 * What was published with `PublishOptions.history`. Positions survive a subscription that nobody is in, and the loss of
 * workers; where history was lost, or has forgotten what it had told, positions of before are answered with `lost`.
 * What is chained to the promise of `read` runs before the next delivery to the sink, unless it waits for more than
 * promises.
 */
export interface HistoryCapability {
  read(name: string, query: HistoryQuery): Promise<HistoryPage>;
}

export interface HistoryQuery {
  /** Where to begin, exclusive. Absent: before the oldest that is kept, or with `reverse` after the newest. */
  readonly since?: Position;
  /** Most publications of the page; 0 asks for the position only. A page may be shorter, see `HistoryPage`. */
  readonly limit: number;
  /** Towards the oldest, newest first. Default false. */
  readonly reverse?: boolean;
}

export interface HistoryPage {
  /**
   * In order of their offsets; newest first with `reverse`. A page ends early when its data comes to a MiB or so;
   * where there is one to tell, it has one at least (unless `limit` is 0, or those it covers cannot be understood).
   */
  readonly publications: readonly Publication[];
  /**
   * Which offsets the page covers, both inclusive, the lower one first. Absent: those of its publications, which have
   * no hole then. Of what it covers and does not have, the entry is malformed or was taken away by somebody: it is
   * skipped, and whoever reads on does so after the range.
   */
  readonly range?: { readonly first: number; readonly last: number };
  /** The newest position at the time of the reading, with the present epoch. */
  readonly position: Position;
  /**
   * Why `since` cannot be continued from; absent: it can. `trimmed`: publications after it are no longer kept. `epoch`:
   * it is of a history that was lost, or of publications that the history has forgotten. Nothing is in the page then.
   * With `reverse` nothing is `trimmed`: the page before the oldest is empty.
   */
  readonly lost?: 'trimmed' | 'epoch';
}

/**
 * Who is in a subscription: connections that said so, cluster-wide. The calls of one broker are carried out in their
 * order. Events and answers are in one order as well: who subscribes, reads the members and then applies the events
 * to them knows who is there. For this, what is chained to the promise of `members` runs before the next event is
 * handed over, unless it waits for more than promises.
 */
export interface PresenceCapability {
  /**
   * Adds the member or replaces what is known of it. Subscribed brokers hear of it through `sink.presence`, except
   * where nothing has changed. The member is removed when the broker that entered it last closes.
   */
  enter(name: string, member: PresenceMember): Promise<void>;
  /** Harmless where there is no such member. */
  leave(name: string, connectionId: string): Promise<void>;
  /**
   * Members in the order in which they came, the same for all who ask, at most `limit` a page; pass the answer's cursor on to get the next page. Who is
   * there from the first page to the last is on exactly one of them.
   * Members of a broker that ended without `close` vanish within the time the broker's documentation states.
   */
  members(name: string, limit: number, cursor?: string): Promise<PresencePage>;
  /** How many are in it, without listing them. */
  stats(name: string): Promise<PresenceStats>;
}

export interface PresenceStats {
  readonly connections: number;
  /** Different users among the members that have one. */
  readonly users: number;
}

export interface PresenceMember {
  readonly connectionId: string;
  /** The authenticated user, where there is one. */
  readonly user?: string;
  /** JSON in the app's own shape. */
  readonly info?: string;
}

export interface PresencePage {
  readonly members: readonly PresenceMember[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

export interface PresenceEvent {
  readonly subscription: string;
  readonly type: 'join' | 'update' | 'leave';
  readonly member: PresenceMember;
}

/** Messages between nodes, at most once, like publications. */
export interface ControlCapability {
  /**
   * From here on `receive` gets the messages for this node and for all, on every broker of the node that listens.
   * Resolves when a message sent later will be received. Called once; `receive` does not throw.
   */
  listen(node: string, receive: (message: ControlMessage) => void): Promise<void>;
  /** Sends to one node, or to all nodes, this one included. @throws BrokerUnavailableError when it was not accepted */
  send(message: ControlMessage, node?: string): Promise<void>;
}

export interface ControlMessage {
  readonly type: string;
  /** In the shape of its type: JSON, as a rule. */
  readonly body: string;
}

export interface ProbeCapability {
  /**
   * Publishes to a subscription of its own and waits until that comes back; the round trip in milliseconds. The sink
   * hears nothing of it.
   * @throws BrokerUnavailableError when it was not accepted, or has not come back within `deadlineMs`
   */
  roundTrip(deadlineMs: number): Promise<number>;
}

/** Names that begin so are the brokers' and the gateway's own; apps and clients cannot use them. */
export const reservedPrefix: string = 'carillon:';

export class BrokerUnavailableError extends Error {
  readonly code = 'BROKER_UNAVAILABLE';
  /** `refused`: it was not carried out. `unknown`: the answer did not come; it may have been carried out. */
  readonly outcome: 'refused' | 'unknown';

  constructor(
    message: string,
    { outcome = 'refused', cause }: { outcome?: 'refused' | 'unknown'; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.outcome = outcome;
  }
}

export class BrokerClosedError extends Error {
  readonly code = 'BROKER_CLOSED';
  constructor() {
    super('the broker is closed');
  }
}
