import type { IncomingMessage } from 'node:http';
import type { Refusal } from './authenticator.ts';

export const foreignOrigin: Refusal = {
  admitted: false,
  status: 403,
  text: "Pages of this origin may not connect; the app's `origins` setting says which may.\n",
};

/**
 * Whether the page that opens this socket may: browsers let any page connect anywhere, with the user's cookies, and say
 * in Origin which it is (RFC 6455 §10.2). Programs send no Origin, and are not restricted.
 * @param origins as in `AppOptions`; absent: pages of the same host
 */
export function isOriginAllowed(request: IncomingMessage, origins: readonly string[] | undefined): boolean {
  const { origin } = request.headers;
  if (origin === undefined || origins?.includes('*') === true) return true;
  if (origins === undefined) return isSameHost(request, origin);
  const normalized = normalizeOrigin(origin);
  return origins.some((allowed) => normalizeOrigin(allowed) === normalized);
}

/**
 * The port is compared as well, with the default of the page's own scheme, so that it fits behind a proxy that ends
 * TLS. Where TLS ends here the page must have come by it too.
 */
function isSameHost(request: IncomingMessage, origin: string): boolean {
  const page = parse(origin);
  if (page === undefined || (page.protocol !== 'https:' && page.protocol !== 'http:')) return false;
  if ('encrypted' in request.socket && page.protocol !== 'https:') return false;
  const { host } = request.headers;
  // Nothing but a name or address and a port: a URL's user part, path or query could smuggle in another host.
  if (host === undefined || !/^(?:\[[0-9A-Fa-f:.]+\]|[^\s/\\?#@[\]:]+)(?::\d{1,5})?$/.test(host)) return false;
  return parse(`${page.protocol}//${host}`)?.host === page.host;
}

/** Case and default ports do not count; `null` and what is no URL stay what they are. */
function normalizeOrigin(origin: string): string {
  const url = parse(origin);
  return url === undefined ? origin : `${url.protocol}//${url.host}`;
}

function parse(origin: string): URL | undefined {
  return URL.canParse(origin) ? new URL(origin) : undefined;
}
