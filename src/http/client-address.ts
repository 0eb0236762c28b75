import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, SocketAddress } from 'node:net';
import { plainAddress } from '../lib/plain-address.ts';
import { ListenerRequest } from './listener-request.ts';

/** Reads from a request who sent it, where it came through proxies that are trusted to say so. */
export class TrustedProxies {
  readonly #list = new BlockList();

  /** @param proxies addresses, and networks with a prefix length */
  constructor(proxies: readonly string[]) {
    for (const proxy of proxies) {
      const [address = '', prefix] = proxy.split('/');
      if (prefix === undefined) this.#list.addAddress(address, familyOf(address));
      else this.#list.addSubnet(address, Number(prefix), familyOf(address));
    }
  }

  /**
   * The address nearest to us that is no trusted proxy's. Each proxy adds to X-Forwarded-For whom it heard, on the
   * right; what is left of an untrusted one may be made up by it. Where a proxy wrote no address the proxy itself counts.
   */
  clientOf({ socket, headers }: IncomingMessage): string {
    let client = plainAddress(socket.remoteAddress ?? '');
    const forwarded = headers['x-forwarded-for'];
    // Node joins repeated fields in their order.
    const hops = typeof forwarded === 'string' ? forwarded.split(',') : [];
    for (let hop = hops.pop(); hop !== undefined && this.#isTrusted(client); hop = hops.pop()) {
      const address = addressIn(hop);
      if (address === undefined) break;
      client = address;
    }
    return client;
  }

  #isTrusted(address: string): boolean {
    return isIP(address) !== 0 && this.#list.check(address, familyOf(address));
  }
}

/** The client's address: that of the peer, or what trusted proxies say. */
export function clientAddressOf(request: IncomingMessage): string {
  return request instanceof ListenerRequest ? request.clientAddress : plainAddress(request.socket.remoteAddress ?? '');
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function addressIn(hop: string): string | undefined {
  const text = hop.trim();
  const [, bracketed, withPort] = /^(?:\[([^\]]+)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? withPort ?? text;
  // A zone means something only on the machine that wrote it.
  if (isIP(address) === 0 || address.includes('%')) return undefined;
  // One notation for one address.
  return plainAddress(new SocketAddress({ address, family: familyOf(address) }).address);
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
