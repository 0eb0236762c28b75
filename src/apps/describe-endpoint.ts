import type { IncomingMessage } from 'node:http';
import type { Answer } from '../http/answer.ts';

/**
 * What a plain GET on a WebSocket URL gets (RFC 9110 §15.5.22): how to connect, and where the page is if there is one.
 */
export function describeEndpoint(request: IncomingMessage, url: string, hasPage: boolean): Answer {
  const isSecure = 'encrypted' in request.socket || request.headers['x-forwarded-proto'] === 'https';
  const host = readHost(request) ?? '<host>';
  const address = `${isSecure ? 'wss' : 'ws'}://${host}${url}`;
  const page = hasPage ? `\nIts page is at ${isSecure ? 'https' : 'http'}://${host}${url}, for browsers.\n` : '';
  return {
    status: 426,
    headers: { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13' },
    text: `This is a WebSocket endpoint; a plain HTTP request cannot use it.\n\nConnect for instance with\n\n  wscat -c '${address}'\n  websocat '${address}'\n${page}`,
  };
}

/** The host and port the client used, if they look like such and nothing else. */
function readHost({ headers }: IncomingMessage): string | undefined {
  const { host = '' } = headers;
  return /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/.test(host) ? host : undefined;
}
