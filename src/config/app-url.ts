// Letters, digits and those marks of RFC 3986's pchar that also need no escape in HTML, or a percent-encoding. Not "*": a
// URL is the name of a subscription as well, and stands for many in a pattern.
const segment = String.raw`(?!(?:\.|%2[eE]){1,2}(?:/|$))(?:[A-Za-z0-9._~!$()+,;=:@-]|%[0-9A-Fa-f]{2})+`;

/** "/" or segments without empty ones, dot segments, query, fragment and final slash. */
export const appUrlPattern: RegExp = new RegExp(`^/(?:${segment}(?:/${segment})*)?$`);

/** What is wrong with an app's URL, as what is expected instead; undefined where nothing is. */
export function expectedOfUrl(url: string): string | undefined {
  if (appUrlPattern.test(url)) return undefined;
  if (!url.startsWith('/')) return 'a URL path that begins with "/"';
  if (/[?#]/.test(url)) return 'a URL path without query or fragment';
  if (url.includes('//')) return 'a URL path without "//"';
  if (url.endsWith('/')) return 'a URL path without "/" at its end';
  if (/\/(?:\.|%2e){1,2}(?:\/|$)/i.test(url)) return 'a URL path without "." and ".." segments';
  if (url.includes('*')) return 'a URL path without "*", which stands for anything in the patterns of "subscriptions"';
  return 'a URL path of letters, digits, any of -._~!$()+,;=:@ and percent-encodings';
}

/** The valid URL that is nearest to an invalid one, if there is one to be seen. */
export function nearestUrl(url: string): string | undefined {
  if (url === '' || url.length > 1000 || !URL.canParse(url.replace(/^\/+/, '/'), 'http://host/')) return undefined;
  const { pathname } = new URL(url.replace(/^\/+/, '/'), 'http://host/');
  const path = `/${pathname.replaceAll(/\/+/g, '/').replaceAll(/^\/|\/$/g, '')}`;
  return appUrlPattern.test(path) ? path : undefined;
}
