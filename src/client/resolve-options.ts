import { InvalidOptionError, InvalidUrlError, SubprotocolError } from './client-errors.ts';
import type { OpenOptions, OpenUrl, ReconnectOptions } from './client-options.ts';
import type { Target } from './transport.ts';

/** What `open` was given, checked and with every default filled in. */
export interface Settings {
  /** Of the first connection. */
  readonly target: Target;
  /** Of each later one. Throws a `ClientError` where the URL that the program gives then is none. */
  readonly nextTarget: () => Target;
  readonly timeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly inboxBytes: number;
  readonly reconnect: Required<ReconnectOptions> | undefined;
  readonly onState: OpenOptions['onState'];
}

const reconnectDefaults: Required<ReconnectOptions> = Object.freeze({
  baseMs: 500,
  capMs: 30_000,
  attempts: Number.POSITIVE_INFINITY,
  retryCodes: Object.freeze([]),
  fromStart: false,
});

/** Timers of both platforms hold a signed 32-bit number of milliseconds and fire at once beyond it. */
const longestTimerMs = 2 ** 31 - 1;

/** @param baseUrl what a relative URL is relative to; without it only absolute URLs are accepted */
export function resolveOptions(url: OpenUrl, options: OpenOptions, baseUrl?: string): Settings {
  const { subprotocols = [], timeoutMs = 10_000, closeTimeoutMs = 5_000, inboxBytes = 16 * 1024 * 1024 } = options;
  checkSubprotocols(subprotocols);
  checkRange('timeoutMs', timeoutMs, 1, longestTimerMs);
  checkRange('closeTimeoutMs', closeTimeoutMs, 1, longestTimerMs);
  // ws keeps the longest message in a signed 32-bit number.
  checkRange('inboxBytes', inboxBytes, 1, 2 ** 31 - 1);
  const rest = {
    subprotocols: [...subprotocols],
    messageBytes: inboxBytes,
    headers: options.headers && { ...options.headers },
    tls: options.tls && { ...options.tls },
  };
  const nextTarget = (): Target => ({ ...resolveUrl(typeof url === 'function' ? ask(url) : url, baseUrl), ...rest });
  return {
    target: nextTarget(),
    nextTarget,
    timeoutMs,
    closeTimeoutMs,
    inboxBytes,
    reconnect: resolveReconnect(options.reconnect ?? false),
    onState: options.onState,
  };
}

function ask(url: () => string | URL): string | URL {
  try {
    return url();
  } catch (error) {
    throw new InvalidUrlError(`the function that gives the URL failed: ${String(error)}`, { cause: error });
  }
}

/** WHATWG WebSockets, "create a WebSocket": http stands for ws and https for wss; a fragment is an error. */
function resolveUrl(url: string | URL, baseUrl: string | undefined): { url: string; displayUrl: string } {
  let parsed: URL;
  try {
    parsed = new URL(url, baseUrl);
  } catch (error) {
    const shown = JSON.stringify(withoutSecrets(String(url)));
    throw new InvalidUrlError(`the URL ${shown} cannot be parsed; expected ws://host/path`, { cause: error });
  }
  // The protocol property of a URL can be set to another special scheme only, which these are.
  if (parsed.protocol === 'http:') parsed.protocol = 'ws:';
  if (parsed.protocol === 'https:') parsed.protocol = 'wss:';
  const displayUrl = `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
  if (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') {
    throw new InvalidUrlError(
      `the URL's scheme is ${JSON.stringify(parsed.protocol.slice(0, -1))}; expected ws, wss, http or https`,
    );
  }
  if (parsed.hash !== '') {
    throw new InvalidUrlError(`the URL ${displayUrl} has a fragment; expected none in the URL of a WebSocket`);
  }
  return { url: parsed.href, displayUrl };
}

/** For a URL that cannot be parsed: cuts out what may be credentials, and the query. */
function withoutSecrets(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//');
}

/** RFC 6455 §4.1 item 10: tokens of RFC 9110 §5.6.2, all different. */
function checkSubprotocols(subprotocols: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of subprotocols) {
    if (!/^[\w!#$%&'*+\-.^`|~]+$/.test(name)) {
      throw new SubprotocolError(
        `the subprotocol ${JSON.stringify(name)} is no token; expected letters, digits and !#$%&'*+-.^_\`|~`,
      );
    }
    if (seen.has(name)) throw new SubprotocolError(`the subprotocol ${name} is offered twice; expected once`);
    seen.add(name);
  }
}

function resolveReconnect(given: boolean | ReconnectOptions): Required<ReconnectOptions> | undefined {
  if (given === false) return undefined;
  const reconnect = given === true ? reconnectDefaults : { ...reconnectDefaults, ...given };
  checkRange('reconnect.baseMs', reconnect.baseMs, 0, longestTimerMs);
  checkRange('reconnect.capMs', reconnect.capMs, 0, longestTimerMs);
  if (reconnect.attempts !== Number.POSITIVE_INFINITY) {
    checkRange('reconnect.attempts', reconnect.attempts, 1, Number.MAX_SAFE_INTEGER);
  }
  return reconnect;
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new InvalidOptionError(`${name} is ${String(value)}; expected a whole number from ${least} to ${most}`);
}
