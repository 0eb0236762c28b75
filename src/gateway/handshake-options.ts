import type { IncomingMessage } from 'node:http';
import type { Identity } from '../auth/identity.ts';
import type { MessageKind } from '../broker/broker.ts';
import type { Connection } from './connection.ts';
import type { Encoding } from './encoding.ts';
import type { ConnectionLimits } from './gateway-options.ts';

/**
 * How an app treats its connections. Use one object for all connections of a kind: each keeps a reference to it.
 */
export interface HandshakeOptions {
  /**
   * A message came in; not called in pull mode. A throw or rejection is logged and closes that connection with 1011.
   * While 64 promises of a connection's handlers are pending, or one while the broker is behind, its next messages wait
   * and it is not read: a handler must not wait for another message of its client, nor for `onClose`.
   */
  onMessage?(connection: Connection, data: Buffer, kind: MessageKind): void | Promise<unknown>;
  /**
   * The connection is gone, and every message that came before has been handed over. The code is the one that ended
   * it: the client's, Carillon's own, 1005 when the client gave none, or 1006 when it vanished without a close frame.
   */
  onClose?(connection: Connection, code: number, reason: string): void | Promise<unknown>;
  /** Everything sent so far has been taken by the kernel. */
  onDrain?(connection: Connection): void | Promise<unknown>;
  /** False selects the pull mode: nothing is read until `connection.receive()` is called. Default true. */
  readonly readEvents?: boolean;
  /**
   * Which subprotocol to speak (RFC 6455 §1.9): those the app knows, in its order of preference, or a function that
   * chooses among the offered ones. Default: the first offered is echoed.
   */
  readonly subprotocols?:
    | readonly string[]
    | ((offered: readonly string[], request: IncomingMessage) => string | undefined);
  /** How publications look to a connection that speaks this subprotocol ("" for none). Default: the data as it is. */
  encoding?(subprotocol: string): Encoding;
  /** Overrides of the gateway's limits. */
  readonly limits?: Partial<ConnectionLimits>;
}

/** What a handshake that is no valid one is answered with. */
export interface MalformedHandshake {
  readonly status: 400 | 405;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is wrong, as a line. */
  readonly text: string;
}

/** Why the gateway does not take a handshake: it is stopping (503), the app's choice failed (500), or what is wrong with it. */
export type Refusal = 'stopping' | 'failed' | MalformedHandshake;

/** Hears of one connection's beginning and end; the access log's seam. */
export interface ConnectionWatcher {
  /** A cluster-unique id that the connection is to have; empty: the gateway makes one. */
  readonly id: string;
  /** The handshake was accepted. Not called where it was refused. */
  opened(): void;
  /** The gateway does not take the handshake, and has counted that. To answer it. */
  refuse(refusal: Refusal): void;
  /** The connection is gone. `code` as in `HandshakeOptions.onClose`. */
  closed(connection: Connection, code: number): void;
}

/** What belongs to one handshake rather than to all of a kind. */
export interface HandshakeEntry {
  /** Bytes that came after the request, as Node's `upgrade` event gives them. */
  readonly head?: Buffer;
  readonly identity?: Identity;
  /** The client's, where it came through a proxy that is trusted to say so. Default: the peer's. */
  readonly address?: string;
  readonly watcher?: ConnectionWatcher;
}
