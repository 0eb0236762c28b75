import type { Client } from './client.ts';
import type { ClientError } from './client-errors.ts';

/** Text as a string, binary as bytes. */
export type Message = string | Uint8Array;

/**
 * Where to connect. A function is asked at each opening: the URL can say where to go on, such as the position in a
 * history.
 */
export type OpenUrl = string | URL | (() => string | URL);

export type ClientState = 'open' | 'reconnecting' | 'closing' | 'closed';

export interface OpenOptions {
  /** Subprotocols to offer, preferred first. The opening fails when the server chooses none of them. Default none. */
  readonly subprotocols?: readonly string[];
  /** Longest time for one opening (name, TCP, TLS, handshake), in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** How long `close` waits for the server's answer before it drops the connection, in milliseconds. Default 5,000. */
  readonly closeTimeoutMs?: number;
  /**
   * Most bytes of messages that may wait to be received, each counting 64 more; also the longest message. Text counts
   * one byte per UTF-16 code unit. Default 16 MiB. On Node reading pauses at the cap (what one read of the socket
   * brought still comes in) and goes on at half of it; a longer message closes with 1009. A browser cannot pause: there
   * the client closes for good, with 4009 and `InboxFullError`.
   */
  readonly inboxBytes?: number;
  /** Opens a new connection when an open one is lost. Default false; true takes the defaults of `ReconnectOptions`. */
  readonly reconnect?: boolean | ReconnectOptions;
  /** Hears of each change of state, the first opening included, before a promise resolves because of it. */
  readonly onState?: (change: StateChange, client: Client) => void;
  /** Further headers of the handshake. Node only: a browser rejects with `InvalidOptionError`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Node only: a browser rejects with `InvalidOptionError`. */
  readonly tls?: TlsOptions;
}

/** Delays are drawn evenly from 0 to min(capMs, baseMs × 2^(attempt − 1)). */
export interface ReconnectOptions {
  /** Upper bound of the first delay, in milliseconds. Default 500. */
  readonly baseMs?: number;
  /** Upper bound of every delay, in milliseconds. Default 30,000. */
  readonly capMs?: number;
  /** Openings tried in a row before giving up. A connection that lasted 5 s starts the count anew. Default no limit. */
  readonly attempts?: number;
  /** Close codes that are retried besides those of the table in `retry-advice.ts`, such as an application's own. */
  readonly retryCodes?: readonly number[];
  /**
   * Tries again when the first opening fails, too. `open` then waits for the first connection, and rejects only when
   * the client gives up or its callback closes it. Default false: a wrong URL is heard of at once.
   */
  readonly fromStart?: boolean;
}

/** As in `node:tls`; certificates and keys are PEM text. */
export interface TlsOptions {
  /** Trusted authorities, in place of Node's own list. */
  readonly ca?: string | readonly string[];
  /** The client's own certificate chain and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Name to ask for and to check in place of the URL's host. */
  readonly servername?: string;
  /** False accepts any certificate: for tests only. Default true. */
  readonly rejectUnauthorized?: boolean;
}

/** How a connection ended. */
export interface CloseInfo {
  /** RFC 6455 §7.4; 1005: a close frame without a code, 1006: no close frame, or no connection came about. */
  readonly code: number;
  readonly reason: string;
  /** What went wrong, where that is known. */
  readonly error?: ClientError;
}

export type StateChange =
  | { readonly state: 'open'; readonly reconnected: boolean }
  | {
      readonly state: 'reconnecting';
      /** From 1: the opening that will be tried after the delay. */
      readonly attempt: number;
      readonly delayMs: number;
      /** How the connection, or the last opening, ended. */
      readonly end: CloseInfo;
    }
  | { readonly state: 'closing' }
  | { readonly state: 'closed'; readonly end: CloseInfo };
