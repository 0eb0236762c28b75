/**
 * Everything that can go wrong with a client. Branch on `code` (or the class), never on the message's text. Messages
 * name the URL without its query and credentials, which may carry secrets.
 */
export type ClientErrorCode =
  | 'INVALID_URL'
  | 'INVALID_OPTION'
  | 'BAD_SUBPROTOCOL'
  | 'CONNECT_FAILED'
  | 'TLS_FAILED'
  | 'HANDSHAKE_REFUSED'
  | 'OPEN_TIMEOUT'
  | 'PROTOCOL_ERROR'
  | 'INBOX_FULL'
  | 'CLOSED';

export abstract class ClientError extends Error {
  abstract readonly code: ClientErrorCode;
}

/** The URL cannot be parsed, has a scheme other than ws, wss, http or https, or has a fragment. */
export class InvalidUrlError extends ClientError {
  override readonly name = 'InvalidUrlError';
  readonly code = 'INVALID_URL';
}

/** An option or argument is not what its documentation asks for. */
export class InvalidOptionError extends ClientError {
  override readonly name = 'InvalidOptionError';
  readonly code = 'INVALID_OPTION';
}

/** An offered subprotocol is no token or is offered twice, or the server chose none or one that was not offered. */
export class SubprotocolError extends ClientError {
  override readonly name = 'SubprotocolError';
  readonly code = 'BAD_SUBPROTOCOL';
}

/**
 * No connection, or one that ended before the server answered the handshake; `cause` has the system's error on Node.
 * A browser tells a script only that the opening failed, so there this also stands for `TlsError` and `HandshakeError`.
 */
export class ConnectError extends ClientError {
  override readonly name = 'ConnectError';
  readonly code = 'CONNECT_FAILED';
}

/** TCP connected, but the TLS handshake failed or the certificate was not accepted. Node only. */
export class TlsError extends ClientError {
  override readonly name = 'TlsError';
  readonly code = 'TLS_FAILED';
}

/** What the server answered instead of a valid 101. */
export interface HandshakeAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as UTF-8, at most its first 16 KiB; what had arrived when the opening's time was over. */
  readonly body: string;
}

/** The server answered the handshake with something other than a valid 101. Node only. */
export class HandshakeError extends ClientError implements HandshakeAnswer {
  override readonly name = 'HandshakeError';
  readonly code = 'HANDSHAKE_REFUSED';
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;

  constructor(message: string, answer: HandshakeAnswer, options?: ErrorOptions) {
    super(message, options);
    this.status = answer.status;
    this.headers = answer.headers;
    this.body = answer.body;
  }
}

/** The opening was not done within `timeoutMs`. */
export class OpenTimeoutError extends ClientError {
  override readonly name = 'OpenTimeoutError';
  readonly code = 'OPEN_TIMEOUT';
}

/** The server's frames broke RFC 6455, or a message was longer than `inboxBytes`. Node only. */
export class ProtocolError extends ClientError {
  override readonly name = 'ProtocolError';
  readonly code = 'PROTOCOL_ERROR';
}

/** In a browser: more than `inboxBytes` arrived without being received by the program. */
export class InboxFullError extends ClientError {
  override readonly name = 'InboxFullError';
  readonly code = 'INBOX_FULL';
}

/** Thrown by `send` when the client is closing or closed for good. */
export class ClosedError extends ClientError {
  override readonly name = 'ClosedError';
  readonly code = 'CLOSED';
}
