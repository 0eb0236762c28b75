import { ConnectError, HandshakeError, OpenTimeoutError, TlsError } from './client-errors.ts';
import type { CloseInfo } from './client-options.ts';

/**
 * Close codes after which the same client may do better with a new connection (RFC 6455 §7.4.1 and the IANA registry):
 * 1001 going away, 1005 no code, 1006 lost, 1011 internal error, 1012 service restart, 1013 try again later,
 * 1014 bad gateway. The others say that the purpose is fulfilled (1000) or that the client did, and would again do,
 * what the server does not accept; what 3000–4999 mean only the application knows.
 */
const retriedCloseCodes: ReadonlySet<number> = new Set([1001, 1005, 1006, 1011, 1012, 1013, 1014]);

/** Statuses below 500 that say "later" and not "no": request timeout, too early, too many requests. */
const retriedStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Whether to open a new connection after this end. The one place that decides it; a server's hint of when to come back
 * would be read here too, once there is one.
 */
export function isWorthRetrying(end: CloseInfo, retryCodes: readonly number[] = []): boolean {
  const { error } = end;
  if (error === undefined) return retriedCloseCodes.has(end.code) || retryCodes.includes(end.code);
  if (error instanceof HandshakeError) return error.status >= 500 || retriedStatuses.has(error.status);
  // A network that swaps certificates (a captive portal) passes; it broke a connection that once worked.
  return error instanceof ConnectError || error instanceof OpenTimeoutError || error instanceof TlsError;
}
