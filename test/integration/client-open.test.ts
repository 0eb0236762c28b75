import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ConnectError,
  HandshakeError,
  InvalidOptionError,
  InvalidUrlError,
  open,
  OpenTimeoutError,
  SubprotocolError,
  TlsError,
} from '../../src/client/open.ts';
import { failureOf } from '../support/failure-of.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { refusingPort, startTcpServer } from '../support/start-tcp-server.ts';
import { startWebSocketServer } from '../support/start-web-socket-server.ts';

/** An HTTP server that knows nothing of WebSocket. */
async function startHttpServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/room`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers any request with these header lines and a 101. */
function startSwitchingServer(...lines: string[]): ReturnType<typeof startTcpServer> {
  return startTcpServer((socket) => {
    const answer = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', ...lines];
    socket.once('data', () => socket.write(`${answer.join('\r\n')}\r\n\r\n`));
  });
}

describe('opening a client', () => {
  it('resolves with a client that is open', async () => {
    await using server = await startWebSocketServer();
    const client = await open(server.url);
    expect(client.state).toBe('open');
    expect(client.subprotocol).toBe('');
    await client.close();
  });

  it('takes a URL object, and http for ws', async () => {
    await using server = await startWebSocketServer();
    const client = await open(new URL(`http://127.0.0.1:${server.port}/`));
    await client.close();
  });

  it('sends the headers, the credentials of the URL and the path with its query', async () => {
    const requests: IncomingMessage[] = [];
    await using server = await startWebSocketServer((_socket, request) => requests.push(request));
    const client = await open(`ws://me:secret@127.0.0.1:${server.port}/room?x=1`, { headers: { 'X-Trace': 'abc' } });
    await client.close();
    expect(requests[0]?.url).toBe('/room?x=1');
    expect(requests[0]?.headers).toMatchObject({
      'x-trace': 'abc',
      authorization: `Basic ${Buffer.from('me:secret').toString('base64')}`,
    });
  });

  it('rejects an invalid URL as a promise', async () => {
    await failureOf(open('ftp://127.0.0.1/'), InvalidUrlError);
    await failureOf(open('/relative'), InvalidUrlError);
  });

  it('rejects a header that HTTP cannot carry', async () => {
    const error = await failureOf(open('ws://127.0.0.1/', { headers: { 'X-Bad': 'a\r\nb' } }), InvalidOptionError);
    expect(error.message).toContain('X-Bad');
  });

  it('says that a connection was refused, where, and keeps the cause', async () => {
    const port = await refusingPort();
    const error = await failureOf(open(`ws://127.0.0.1:${port}/room?token=hush`), ConnectError);
    expect(error.code).toBe('CONNECT_FAILED');
    expect(error.message).toBe(`cannot connect to ws://127.0.0.1:${port}/room: connect ECONNREFUSED 127.0.0.1:${port}`);
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
    // A name may have several addresses, all of which refuse.
    expect((await failureOf(open(`ws://localhost:${port}/`), ConnectError)).message).toContain('ECONNREFUSED');
    await failureOf(open(`wss://127.0.0.1:${port}/`), ConnectError);
  });

  it.each([
    [401, 'Unauthorized', { 'WWW-Authenticate': 'Basic realm="room"' }],
    [404, 'Not Found', {}],
    [426, 'Upgrade Required', { Upgrade: 'websocket', Connection: 'Upgrade' }],
    [503, 'Service Unavailable', { 'Retry-After': '7', 'Set-Cookie': ['a=1', 'b=2'] }],
  ])('tells status, headers and body of an answer of %i', async (status, phrase, headers) => {
    await using server = await startHttpServer((_request, response) => {
      response.writeHead(status, headers).end(`because ${status}\nand more ☃`);
    });
    const error = await failureOf(open(server.url), HandshakeError);
    expect(error.code).toBe('HANDSHAKE_REFUSED');
    expect(error.status).toBe(status);
    expect(error.body).toBe(`because ${status}\nand more ☃`);
    for (const [name, value] of Object.entries(headers))
      expect(error.headers.get(name)).toBe([value].flat().join(', '));
    expect(error.message).toBe(
      `${server.url} answered the handshake with ${status} ${phrase}; expected 101 Switching Protocols. ` +
        `It says: because ${status}`,
    );
  });

  it('does not follow a redirect, but shows where it points', async () => {
    await using server = await startHttpServer((_request, response) => {
      response.writeHead(302, { Location: 'https://elsewhere.test/' }).end();
    });
    const error = await failureOf(open(server.url), HandshakeError);
    expect(error.headers.get('location')).toBe('https://elsewhere.test/');
    expect(error.body).toBe('');
  });

  it('keeps the first 16 KiB of an endless body, cut between characters', async () => {
    await using server = await startHttpServer((_request, response) => {
      response.writeHead(500);
      const pour = (): void => {
        while (response.write('é☃'.repeat(1000)));
      };
      response.on('drain', pour);
      pour();
    });
    const { body } = await failureOf(open(server.url), HandshakeError);
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(16 * 1024);
    expect(Buffer.byteLength(body)).toBeGreaterThan(16 * 1024 - 4);
    expect('é☃'.repeat(5000).startsWith(body)).toBe(true);
  });

  it('tells the answer although its body never ended', async () => {
    await using stalling = await startHttpServer((_request, response) => {
      response.writeHead(500).write('so far');
    });
    expect((await failureOf(open(stalling.url, { timeoutMs: 300 }), HandshakeError)).body).toBe('so far');
    await using breaking = await startHttpServer((_request, response) => {
      response.writeHead(500).write('so far', () => response.destroy());
    });
    expect((await failureOf(open(breaking.url), HandshakeError)).body).toBe('so far');
  });

  it('gives up after timeoutMs when the server never answers, in plain or in TLS', async () => {
    await using server = await startTcpServer();
    for (const scheme of ['ws', 'wss']) {
      const error = await failureOf(
        open(`${scheme}://127.0.0.1:${server.port}/`, { timeoutMs: 100 }),
        OpenTimeoutError,
      );
      expect(error.code).toBe('OPEN_TIMEOUT');
      expect(error.message).toBe(`${scheme}://127.0.0.1:${server.port}/ did not answer the handshake within 100 ms`);
    }
  });

  it('says so when the server does not talk HTTP or hangs up', async () => {
    await using talking = await startTcpServer((socket) => socket.once('data', () => socket.write('220 mail\r\n')));
    const noHttp = await failureOf(open(`ws://127.0.0.1:${talking.port}/`), ConnectError);
    expect(noHttp.message).toContain('did not answer the handshake in HTTP');
    await using hangingUp = await startTcpServer((socket) => socket.once('data', () => socket.end()));
    await failureOf(open(`ws://127.0.0.1:${hangingUp.port}/`), ConnectError);
  });

  it('refuses an answer of 101 whose key does not match', async () => {
    await using server = await startSwitchingServer('Sec-WebSocket-Accept: bm90IHRoZSBhbnN3ZXI=');
    const error = await failureOf(open(`ws://127.0.0.1:${server.port}/`), HandshakeError);
    expect(error.status).toBe(101);
    expect(error.message).toContain('that is not valid: Invalid Sec-WebSocket-Accept header');
  });
});

describe('subprotocols of a client', () => {
  it('are offered in order, and the chosen one is known', async () => {
    const offers: string[][] = [];
    const handleProtocols = (offered: Set<string>): string => {
      offers.push([...offered]);
      return 'second';
    };
    await using server = await startWebSocketServer(undefined, { handleProtocols });
    const client = await open(server.url, { subprotocols: ['first', 'second'] });
    expect(client.subprotocol).toBe('second');
    expect(offers).toEqual([['first', 'second']]);
    await client.close();
  });

  it('must be answered with one of them', async () => {
    await using silent = await startWebSocketServer(undefined, { handleProtocols: () => false });
    const none = await failureOf(open(silent.url, { subprotocols: ['a', 'b'] }), SubprotocolError);
    expect(none.code).toBe('BAD_SUBPROTOCOL');
    expect(none.message).toBe(`${silent.url} chose no subprotocol; expected one of a, b`);
  });

  it('must not be made up by the server', async () => {
    await using server = await startWebSocketServer((_socket, request) => void request, {
      handleProtocols: () => 'other',
    });
    const other = await failureOf(open(server.url, { subprotocols: ['a'] }), SubprotocolError);
    expect(other.message).toBe(`${server.url} chose the subprotocol "other"; expected one of a`);
  });
});

describe('TLS of a client', () => {
  let certificate: { cert: string; key: string };
  beforeAll(async () => {
    certificate = await selfSignedCertificate();
  });

  it('fails for a certificate that nobody vouches for', async () => {
    await using server = await startWebSocketServer(undefined, { tls: certificate });
    const error = await failureOf(open(server.url), TlsError);
    expect(error.code).toBe('TLS_FAILED');
    expect(error.message).toContain(`no TLS with ${server.url}: self-signed certificate`);
    expect(error.cause).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  it('accepts the authority given as ca, and checks the name', async () => {
    await using server = await startWebSocketServer(undefined, { tls: certificate });
    for (const ca of [certificate.cert, [certificate.cert]]) {
      const client = await open(server.url, { tls: { ca } });
      await client.close();
    }
    const misnamed = open(server.url, { tls: { ca: certificate.cert, servername: 'elsewhere.test' } });
    expect((await failureOf(misnamed, TlsError)).cause).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('accepts anything with rejectUnauthorized: false', async () => {
    await using server = await startWebSocketServer(undefined, { tls: certificate });
    const client = await open(server.url, { tls: { rejectUnauthorized: false } });
    await client.close();
  });

  it('tells the answer of a server in TLS that refuses', async () => {
    await using server = await startWebSocketServer(undefined, { tls: certificate, verifyClient: () => false });
    const error = await failureOf(open(server.url, { tls: { ca: certificate.cert } }), HandshakeError);
    expect(error.status).toBe(401);
  });

  it('fails at a server without TLS', async () => {
    await using server = await startWebSocketServer();
    await failureOf(open(`wss://127.0.0.1:${server.port}/`), TlsError);
  });

  it('names material that is no PEM', async () => {
    const error = await failureOf(
      open('wss://127.0.0.1:1/', { tls: { cert: 'no certificate', key: 'no key' } }),
      InvalidOptionError,
    );
    expect(error.message).toContain('headers or tls cannot be used');
  });
});
