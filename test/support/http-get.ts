import { request, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request of its own connection, with any method and headers (`fetch` forbids Host and Origin). */
export function httpGet(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  options: RequestOptions & { ca?: string } = {},
): Promise<HttpAnswer> {
  const send = url.startsWith('https:') ? tlsRequest : request;
  return new Promise((resolve, reject) => {
    const sent = send(url, { agent: false, headers, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      response.on('error', reject);
    });
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' });
    });
    sent.on('error', reject);
    sent.end();
  });
}

const handshakeHeaders: Readonly<Record<string, string>> = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** What a WebSocket handshake is answered; an accepted one is hung up at once. */
export function tryHandshake(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  options: RequestOptions & { ca?: string } = {},
): Promise<HttpAnswer> {
  return httpGet(url, { ...handshakeHeaders, ...headers }, options);
}
