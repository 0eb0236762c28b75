import type { ClientError } from './client-errors.ts';
import type { Message, TlsOptions } from './client-options.ts';

/** Where to connect and how; checked. */
export interface Target {
  /** Absolute, ws or wss. */
  readonly url: string;
  /** The URL without query and credentials, for messages. */
  readonly displayUrl: string;
  readonly subprotocols: readonly string[];
  /** Longest message to accept. */
  readonly messageBytes: number;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly tls: TlsOptions | undefined;
}

/**
 * Begins to open one connection. Throws a `ClientError` when the target cannot be served at all; everything else is
 * told through the events, never before the function has returned.
 */
export type Connect = (target: Target, events: TransportEvents) => Transport;

/** Either `failed` once, or `opened` once, then any number of `message`, then `closed` once. */
export interface TransportEvents {
  opened(subprotocol: string): void;
  failed(error: ClientError): void;
  message(data: Message): void;
  closed(code: number, reason: string, error?: ClientError): void;
}

/** One connection, from its opening to its end. */
export interface Transport {
  /** Bytes given to `send` that the network has not taken yet. */
  readonly bufferedBytes: number;
  /** Undefined where the platform cannot stop reading. */
  readonly flow: Flow | undefined;
  /** False: the connection is ending, the message was not taken. */
  send(data: Message): boolean;
  /** Starts the closing handshake; `closed` follows when the server has answered or is gone. */
  close(code: number, reason: string): void;
  /**
   * Drops the connection at once; no event follows.
   * @returns why the opening would have failed, where that is known already
   */
  abandon(): ClientError | undefined;
}

export interface Flow {
  pause(): void;
  resume(): void;
}
