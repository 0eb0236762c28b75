import { isIP } from 'node:net';

/** A host name; what looks like an IPv4 address and is none is no name either. */
const hostNamePattern = /^(?!.*\.\d+$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?$/;

export function isHost(text: string): boolean {
  return isIP(text) !== 0 || hostNamePattern.test(text);
}

/** `host:port`, `host`, `[::1]:port` or an IPv6 address alone; undefined for anything else. */
export function parseAddress(text: string): { readonly host: string; readonly port?: number } | undefined {
  if (isHost(text)) return { host: text };
  const [, v6, name, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = v6 ?? name ?? '';
  const isRight = v6 === undefined ? isHost(host) : isIP(v6) === 6;
  const port = digits === undefined ? undefined : Number(digits);
  if (!isRight || port === 0 || Number(port) > 65_535) return undefined;
  return { host, ...(port !== undefined && { port }) };
}
