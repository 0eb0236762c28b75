/** What a client had better do after a close: come back, come back later, or not at all. */
export type RetryAdvice = 'retry' | 'retry later' | 'do not retry';

export interface CloseCode {
  readonly name: string;
  readonly retry: RetryAdvice;
  /** One sentence for people. */
  readonly meaning: string;
}

/** Every code Carillon closes with (RFC 6455 §7.4.1 and its registry). `docs/close-codes.md` is tested against it. */
export const closeCodes: Readonly<Record<number, CloseCode>> = Object.freeze({
  1000: {
    name: 'normal',
    retry: 'do not retry',
    meaning: 'The app or the client ended the connection; nothing is wrong.',
  },
  1001: {
    name: 'going away',
    retry: 'retry',
    meaning: 'The worker is stopping at once; another one takes the connection.',
  },
  1002: { name: 'protocol error', retry: 'do not retry', meaning: 'A frame broke RFC 6455.' },
  1003: {
    name: 'unsupported data',
    retry: 'do not retry',
    meaning: 'The app does not take this kind of message, such as binary in a chat.',
  },
  1007: {
    name: 'invalid data',
    retry: 'do not retry',
    meaning: 'A text message was not valid UTF-8, or a compressed one could not be read.',
  },
  1008: {
    name: 'policy violation',
    retry: 'do not retry',
    meaning: 'The client broke a rule of the app, or cut a message into too many fragments.',
  },
  1009: {
    name: 'message too big',
    retry: 'do not retry',
    meaning:
      'A message was longer than limits.messageBytes, or compressed messages came to more than may wait for an app.',
  },
  1011: {
    name: 'internal error',
    retry: 'retry later',
    meaning: "The app's handler failed; the worker's error log says why.",
  },
  1012: {
    name: 'service restart',
    retry: 'retry',
    meaning:
      'The worker is leaving, for a restart or a new configuration. The reason says in how many milliseconds to come back: `restarting; reconnect in 1234 ms`.',
  },
  1013: {
    name: 'try again later',
    retry: 'retry later',
    meaning:
      'The client did not read, and more than limits.outboxBytes were waiting for it; or an app cannot take it at the moment. The reason says which.',
  },
  4500: {
    name: 'disconnected',
    retry: 'do not retry',
    meaning: 'An operator, or a program on their behalf, ended this connection or all of its user.',
  },
  4501: {
    name: 'too many connections',
    retry: 'retry later',
    meaning:
      'The user has as many connections as accept.perUser allows, and this one came last. Those of a node that was lost still count for a while.',
  },
  4502: {
    name: 'too fast',
    retry: 'retry later',
    meaning: 'The client sent more than limits.messagesPerSecond or limits.bytesPerSecond; the reason says which.',
  },
  4503: {
    name: 'too many subscriptions',
    retry: 'do not retry',
    meaning: 'The connection was to be in more subscriptions than limits.subscriptions.',
  },
  4504: {
    name: 'replaced',
    retry: 'do not retry',
    meaning: 'The user has more connections than accept.perUser allows; a newer one took the place of this one.',
  },
});

/** The code of `gateway.disconnect` where none is given. Of the range for private use (RFC 6455 §7.4.2). */
export const administrativeClose = 4500;

/** Of the caps and limits. */
export const tooManyOfUser = 4501;
export const tooFast = 4502;
export const tooManySubscriptions = 4503;
export const replaced = 4504;

/** Of a worker that leaves and has a client come back in a while: see `restartReason`. */
export const serviceRestart = 1012;

const reasonBytes = 123;

/** Cuts a close reason to the 123 bytes a control frame has room for (RFC 6455 §5.5), on a code point. */
export function fitCloseReason(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= reasonBytes) return reason;
  let end = reasonBytes;
  // Continuation bytes of UTF-8 are 10xxxxxx.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** The reason of a close with 1011: the error log has the connection's id beside what went wrong. */
export function internalErrorReason(connectionId: string, what: string = 'internal error'): string {
  return `${what}; this connection's id is ${connectionId}`;
}

/** Whether an endpoint may send this code (RFC 6455 §7.4.1 and §7.4.2). */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}
