import type { Identity } from '../auth/identity.ts';
import type { MessageKind } from '../broker/broker.ts';
import type { LimitName } from '../metrics/counts.ts';
import type { Connection } from './connection.ts';
import type { Dispatcher } from './receiving/dispatcher.ts';
import type { Encoding } from './encoding.ts';
import type { Entry } from './sending/entry.ts';
import type { ConnectionLimits } from './gateway-options.ts';
import type { ConnectionWatcher } from './handshake-options.ts';
import type { OutboxParts } from './sending/outbox.ts';
import type { SlowDelivery } from './sending/slow-subscribers.ts';

/** What a connection tells its gateway. */
export interface ConnectionOwner {
  readonly sending: OutboxParts;
  readonly dispatcher: Dispatcher;
  received(connection: Connection, data: Buffer, kind: MessageKind): void;
  /** The client went over one of its limits, and is being closed. */
  exceeded(limit: LimitName): void;
  /** The connection begins to close: it gets nothing more. Called once. */
  left(connection: Connection): void;
  /** The kernel has taken everything sent so far; only asked for where there is an `onDrain`. */
  drained(connection: Connection): void;
  /** The connection is gone. Called once, after `left`. */
  closed(connection: Connection, code: number, reason: string): void;
  /**
   * There is no room in the outbox for what was to be sent.
   * @param entry undefined: something that cannot be left out
   */
  overflowed(connection: Connection, entry: Entry | undefined): SlowDelivery;
  /**
   * The connection is to be given a publication, and the kernel has not taken what it was given before.
   * @returns undefined: it waits as usual
   */
  keepLatest(connection: Connection, entry: Entry): SlowDelivery | undefined;
}

export interface ConnectionFacts {
  readonly id: string;
  /** The client's IP address; IPv4 in its own notation, also on a dual-stack socket. */
  readonly address: string;
  readonly identity: Identity | undefined;
  readonly encoding: Encoding;
  readonly limits: ConnectionLimits;
  readonly windowBits: number;
  readonly watcher: ConnectionWatcher | undefined;
}
