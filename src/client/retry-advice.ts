import { ConnectError, HandshakeError, OpenTimeoutError, TlsError } from './client-errors.ts';
import type { CloseInfo } from './client-options.ts';

/**
 * Close codes after which the same client may do better with a new connection (RFC 6455 §7.4.1 and the IANA registry):
 * 1001 going away, 1005 no code, 1006 lost, 1011 internal error, 1012 service restart, 1013 try again later,
 * 1014 bad gateway, and Carillon's own 4501 too many connections of the user and 4502 too fast. The others say that the
 * purpose is fulfilled (1000) or that the client did, and would again do, what the server does not accept; what the rest
 * of 3000–4999 means only the application knows.
 */
const retriedCloseCodes: ReadonlySet<number> = new Set([1001, 1005, 1006, 1011, 1012, 1013, 1014, 4501, 4502]);

/** Statuses below 500 that say "later" and not "no": request timeout, too early, too many requests. */
const retriedStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

/** Whether to open a new connection after this end. The one place that decides it. */
export function isWorthRetrying(end: CloseInfo, retryCodes: readonly number[] = []): boolean {
  const { error } = end;
  if (error === undefined) return retriedCloseCodes.has(end.code) || retryCodes.includes(end.code);
  if (error instanceof HandshakeError) return error.status >= 500 || retriedStatuses.has(error.status);
  // A network that swaps certificates (a captive portal) passes; it broke a connection that once worked.
  return error instanceof ConnectError || error instanceof OpenTimeoutError || error instanceof TlsError;
}

/** A server that asks for a longer wait than this, in milliseconds, is not believed. */
const longestHintMs = 600_000;
/** On top of a hint, in milliseconds: clocks that were told the same do not strike together. */
const hintJitterMs = 100;
const serviceRestart = 1012;

/**
 * When the server that ended the connection asked to come back: it closed with 1012 and `reconnect in 1234 ms` at the end
 * of its reason, as Carillon's do, or refused the handshake with `Retry-After` (RFC 9110 §10.2.3) in seconds.
 * @returns the delay in milliseconds, with a little jitter; undefined: it asked for nothing, and the usual backoff holds
 */
export function hintedDelayMs({ code, reason, error }: CloseInfo): number | undefined {
  if (error instanceof HandshakeError) {
    const seconds = /^\d{1,6}$/.exec(error.headers.get('retry-after') ?? '')?.[0];
    // Whole seconds: those who were told the same one are spread over it.
    return seconds === undefined ? undefined : spread(Number(seconds) * 1_000, 1_000);
  }
  if (error !== undefined || code !== serviceRestart) return undefined;
  const ms = /reconnect in (\d{1,9}) ms$/.exec(reason)?.[1];
  return ms === undefined ? undefined : spread(Number(ms), hintJitterMs);
}

function spread(ms: number, jitterMs: number): number | undefined {
  return ms > longestHintMs ? undefined : ms + Math.floor(Math.random() * jitterMs);
}
