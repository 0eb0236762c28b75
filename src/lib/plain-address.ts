/** IPv4 clients of a dual-stack socket appear as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2); this is their own notation. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
