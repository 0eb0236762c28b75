/** Whether a value of an `origins` list is `*` or an origin as browsers send it (RFC 6454 §6.2). */
export function isOrigin(value: string): boolean {
  return value === '*' || originOf(value) === value;
}

/** The origin that an address probably stands for: `https://Example.com:443/chat` → `https://example.com`. */
export function originOf(value: string): string | undefined {
  const address = value.includes('://') ? value : `https://${value}`;
  // "null" is the origin of sandboxed and local pages, any of them.
  if (value === 'null' || /[\s\\]/.test(address) || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.host === '' || url.username !== '' || url.password !== '') return undefined;
  // Apps in a shell of their own (`capacitor://localhost`) have an origin too, though WHATWG URL calls it "null".
  return url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin;
}
