import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import { plainAddress } from '../lib/plain-address.ts';
import type { Authenticator, Refusal } from './authenticator.ts';

/** Any of these, whatever it says, means that somebody else may be behind the connection. */
const forwardingHeaders = [
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
];

function refusal(text: string): Refusal {
  return { admitted: false, status: 403, text };
}

const elsewhere = refusal('Only connections from this machine are accepted.\n');
const forwarded = refusal('Connections forwarded by a proxy are not accepted.\n');
const foreignName = refusal('Only localhost and loopback addresses are accepted as host name.\n');

/**
 * Admits who connects from this machine itself. The address alone does not prove that: a proxy on this machine connects
 * from loopback on everybody's behalf, and so does a browser here for a page from anywhere, whose name its owner has
 * pointed at 127.0.0.1 (DNS rebinding). A proxy that leaves no trace in the headers and calls us localhost cannot be
 * told from a local client; docs/authentication.md says so.
 */
export const loopbackAuthenticator: Authenticator = {
  authenticate: async (request) => {
    if (!isLoopbackAddress(request.socket.remoteAddress ?? '')) return elsewhere;
    if (isForwarded(request)) return forwarded;
    if (!isLoopbackHost(request.headers.host ?? '')) return foreignName;
    return { admitted: true };
  },
};

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3), ::1, and IPv4 on a dual-stack socket. */
export function isLoopbackAddress(address: string): boolean {
  const plain = plainAddress(address.toLowerCase());
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}

/** A Host header's value that names this machine: localhost (RFC 6761 §6.3) or a loopback address, with or without port. */
export function isLoopbackHost(host: string): boolean {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([0-9a-z.-]+))(?::\d{1,5})?$/.exec(host.toLowerCase()) ?? [];
  if (bracketed !== undefined) return isLoopbackAddress(bracketed);
  if (plain === undefined) return false;
  return plain === 'localhost' || plain.endsWith('.localhost') || isLoopbackAddress(plain);
}

function isForwarded({ headers }: IncomingMessage): boolean {
  return (
    forwardingHeaders.some((name) => headers[name] !== undefined) ||
    Object.keys(headers).some((name) => name.startsWith('x-forwarded'))
  );
}
