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
 * - After `close` nothing is delivered, and every other method rejects with `BrokerClosedError`.
 */
export interface Broker {
  /** Connects; resolves when the broker can publish and subscribe. Called once. */
  start(sink: BrokerSink): Promise<void>;
  subscribe(names: readonly string[]): Promise<void>;
  unsubscribe(names: readonly string[]): Promise<void>;
  /**
   * Resolves when the broker has accepted the publication, with its position where the subscription has history.
   * @throws BrokerUnavailableError when it was not accepted; the publication is not retried.
   */
  publish(publication: Publication): Promise<Position | undefined>;
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
}

/** A place in a subscription's history. The offset counts publications from 1; a new epoch means history was lost. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

export interface HistoryCapability {
  /** Publications after `since` in order, at most `limit`. */
  read(name: string, since: Position | undefined, limit: number): Promise<HistoryPage>;
}

export interface HistoryPage {
  readonly publications: readonly Publication[];
  /** The newest position at the time of the reading. */
  readonly position: Position;
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
   * Members in no particular order, at most `limit` a page; pass the answer's cursor on to get the next page. Who is
   * there from the first page to the last is on exactly one of them.
   * Members of a broker that ended without `close` vanish within the time the broker's documentation states.
   */
  members(name: string, limit: number, cursor?: string): Promise<PresencePage>;
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

export interface ControlCapability {
  /** Says who gets the control messages for this node and for all. */
  listen(receive: (message: ControlMessage) => void): void;
  /** Sends to one node, or to all nodes, this one included. */
  send(message: ControlMessage, node?: string): Promise<void>;
}

export interface ControlMessage {
  readonly type: string;
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

export class BrokerUnavailableError extends Error {
  readonly code = 'BROKER_UNAVAILABLE';
}

export class BrokerClosedError extends Error {
  readonly code = 'BROKER_CLOSED';
  constructor() {
    super('the broker is closed');
  }
}
