/** What an absolute-form request target begins with; servers must accept it (RFC 9112 §3.2.2). */
const authority = /^https?:\/\/[^/?#]*/i;

/** The path of an HTTP request target as received, undecoded; "/" where the absolute form has none. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  const address = query < 0 ? target : target.slice(0, query);
  return address.startsWith('/') ? address : address.replace(authority, '') || '/';
}

/** The parameters of an HTTP request target. */
export function queryOf(target: string): URLSearchParams {
  const query = target.indexOf('?');
  return new URLSearchParams(query < 0 ? '' : target.slice(query + 1));
}
