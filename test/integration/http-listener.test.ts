import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import type { HandshakeEntry } from '../../src/gateway/handshake-options.ts';
import { upgradeEntryOf } from '../../src/http/upgrade-entry.ts';
import { deferred } from '../support/deferred.ts';
import { httpGet, tryHandshake } from '../support/http-get.ts';
import { RawClient, handshakeRequest } from '../support/raw-client.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { startSite, type SiteOptions } from '../support/start-site.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const hello: SiteOptions = {
  mount: ({ router }) => {
    router.add('/hello', {
      get: (_request, response) => {
        response.setHeader('Content-Length', 5);
        response.end('hello');
      },
    });
    router.add('/fails', {
      get: () => Promise.reject(new Error('secret detail')),
      upgrade: () => Promise.reject(new Error('secret detail')),
    });
    router.add('/throws', {
      get: () => {
        throw new Error('secret detail');
      },
    });
  },
};

const securityHeaders = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

/** As an app hands it on to the gateway. */
function handshakeEntry(request: IncomingMessage, head: Buffer): HandshakeEntry {
  const watcher = upgradeEntryOf(request);
  return watcher === undefined ? { head } : { head, watcher };
}

/** Connected so far that the server knows it too: it has sent a session ticket. */
async function openTls(port: number, ca: string): Promise<AsyncDisposable & { readonly socket: TLSSocket }> {
  const socket = connect({ host: '127.0.0.1', port, ca }).resume();
  await once(socket, 'session');
  return {
    socket,
    async [Symbol.asyncDispose]() {
      if (socket.closed) return;
      socket.destroy();
      await once(socket, 'close');
    },
  };
}

describe('the HTTP listener', () => {
  it('answers by its routes, and whatever they do not know with 404', async () => {
    await using site = await startSite(hello);
    expect(await httpGet(`${site.origin}/hello?x=1`)).toMatchObject({
      status: 200,
      body: 'hello',
      headers: securityHeaders,
    });
    for (const path of ['/', '/Hello', '/hello/', '//hello', '/hello/..', '/%68ello', '/__proto__', '/constructor']) {
      const answer = await httpGet(`${site.origin}${path}`, {}, { path });
      expect(answer, path).toMatchObject({ status: 404, body: 'Not found.\n', headers: securityHeaders });
    }
    expect(await tryHandshake(`${site.origin}/nowhere`)).toMatchObject({
      status: 404,
      body: 'Not found.\n',
      headers: securityHeaders,
    });
    expect(await tryHandshake(`${site.origin}/hello`)).toMatchObject({ status: 404 });
  });

  it('takes whole URLs as targets', async () => {
    await using site = await startSite({
      mount: ({ router, gateway }) => {
        router.add('/', { get: (_request, response) => void response.end('root') });
        router.add('/hello', {
          get: (_request, response) => void response.end('hello'),
          upgrade: (request, head) => void gateway.handshake(request, {}, { head }),
        });
      },
    });
    for (const [path, status, body] of [
      ['http://example.com/hello', 200, 'hello'],
      ['HTTPS://[::1]:80/hello?x=http://y/', 200, 'hello'],
      ['http://example.com', 200, 'root'],
      ['http://example.com/', 200, 'root'],
      ['http://example.com?x=/hello', 200, 'root'],
      ['http://example.com/hello/', 404, 'Not found.\n'],
      ['http://example.com/http://example.com/hello', 404, 'Not found.\n'],
      ['/http://example.com/hello', 404, 'Not found.\n'],
      ['ftp://example.com/hello', 404, 'Not found.\n'],
    ] as const) {
      expect(await httpGet(site.origin, {}, { path }), path).toMatchObject({ status, body });
    }
    expect(await tryHandshake(site.origin, {}, { path: 'http://example.com/hello' })).toMatchObject({ status: 101 });
    expect(await tryHandshake(site.origin, {}, { path: 'http://example.com/' })).toMatchObject({ status: 404 });
  });

  it('says nothing of what it is', async () => {
    await using site = await startSite(hello);
    for (const answer of [
      await httpGet(`${site.origin}/hello`),
      await httpGet(`${site.origin}/x`),
      await tryHandshake(`${site.origin}/x`),
    ]) {
      expect(answer.headers).not.toHaveProperty('server');
      expect(answer.headers).not.toHaveProperty('x-powered-by');
      expect(JSON.stringify(answer)).not.toMatch(/node|v\d+\.\d+/i);
    }
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'])('takes no %s', async (method) => {
    await using site = await startSite(hello);
    expect(await httpGet(`${site.origin}/hello`, {}, { method })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    });
    expect(await httpGet(`${site.origin}/unknown`, {}, { method })).toMatchObject({ status: 404 });
    expect(await tryHandshake(`${site.origin}/fails`, {}, { method })).toMatchObject({
      status: 405,
      headers: { allow: 'GET' },
    });
  });

  it('answers HEAD as GET, without the body', async () => {
    await using site = await startSite(hello);
    const answer = await httpGet(`${site.origin}/hello`, {}, { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, body: '', headers: { 'content-length': '5' } });
  });

  it('answers 500 without details when a route fails, and logs why', async () => {
    await using site = await startSite(hello);
    for (const path of ['/fails', '/throws']) {
      expect(await httpGet(`${site.origin}${path}?token=abc`)).toMatchObject({
        status: 500,
        body: expect.stringMatching(/^Internal error; the request's id is [\w-]{12}\.\w+\.\n$/),
      });
    }
    expect(await tryHandshake(`${site.origin}/fails`)).toMatchObject({
      status: 500,
      body: expect.stringMatching(/^Internal error; /),
    });
    expect(site.errors).toHaveLength(3);
    expect(site.errors[0]).toMatchObject({
      event: 'route-error',
      target: '/fails?token=***',
      err: { message: 'secret detail' },
    });
    await httpGet(`${site.origin}/fails?${'x'.repeat(10_000)}`);
    await httpGet(`${site.origin}/fails?${'x'.repeat(2_030)}&token=${'y'.repeat(10_000)}`);
    const start = `/fails?${'x'.repeat(2_030)}`;
    expect(site.errors.slice(3)).toMatchObject([
      { target: `${start}${'x'.repeat(11)}...` },
      { target: `${start}&token=***...` },
    ]);
  });

  it('does not read bodies', async () => {
    await using site = await startSite(hello);
    await using posting = await RawClient.connect(site.port);
    posting.write('POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc');
    expect((await posting.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 405 [\s\S]*Connection: close/);
    await using expecting = await RawClient.connect(site.port);
    expecting.write('POST /hello HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n');
    expect((await expecting.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 405 /);
    await using other = await RawClient.connect(site.port);
    other.write('GET /hello HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n');
    expect((await other.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 417 /);
    const withBody = { 'Content-Length': '3' };
    expect(await tryHandshake(`${site.origin}/fails`, withBody)).toMatchObject({ status: 400 });
  });

  it.each([
    ['nonsense', 'nonsense\r\n\r\n', 400],
    ['a TLS client', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['a header section that is too long', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    [
      'contradicting lengths',
      'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['a proxy request', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n', 405],
  ])('answers %s and ends the connection', async (_what, bytes, status) => {
    await using site = await startSite(hello);
    await using client = await RawClient.connect(site.port);
    client.socket.write(bytes, 'latin1');
    const answer = (await client.readToEnd()).toString();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain('X-Content-Type-Options: nosniff');
    expect(answer).toContain('Connection: close');
    await until(() => site.lines.length === 1);
    expect(site.lines[0]).toMatch(new RegExp(`^127\\.0\\.0\\.1 - - \\[.*" ${status} \\d+ "-" "-" \\d+ - \\S+\n$`));
  });

  it('ends clients that send their headers slowly with 408, and silent ones without a word', async () => {
    await using site = await startSite({ ...hello, http: { headersTimeoutMs: 200 } });
    await using slow = await RawClient.connect(site.port);
    await using silent = await RawClient.connect(site.port);
    slow.write('GET /hello HTT');
    expect((await slow.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 408 /);
    expect((await silent.readToEnd()).toString()).toBe('');
    expect(site.lines).toHaveLength(1);
  });

  it('answers a request that offers another protocol as if it did not', async () => {
    await using site = await startSite(hello);
    await using client = await RawClient.connect(site.port);
    const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA';
    client.write(`GET /hello HTTP/1.1\r\nHost: x\r\n${offer}\r\n\r\n`);
    const answer = (await client.readToEnd()).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*\r\nhello$/);
    await until(() => site.lines.length === 1);
    expect(site.lines[0]).toContain('"GET /hello HTTP/1.1" 200 5 ');
  });

  it('survives clients that vanish in the middle of a handshake', async () => {
    const reached = deferred<void>();
    const gone = deferred<void>();
    await using site = await startSite({
      mount: ({ router, gateway }) =>
        router.add('/slow', {
          upgrade: async (request, head) => {
            request.socket.once('close', () => gone.resolve());
            reached.resolve();
            await gone.promise;
            gateway.handshake(request, {}, { head });
          },
        }),
    });
    await using client = await RawClient.connect(site.port);
    client.write('GET /slow HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await reached.promise;
    client.socket.resetAndDestroy();
    await until(() => site.lines.length === 1);
    expect(site.lines[0]).toContain('"GET /slow HTTP/1.1" 499 - ');
    expect(site.errors).toEqual([]);
  });

  it('lets answers under way finish when it closes, and takes nothing new', async () => {
    const reached = deferred<void>();
    const go = deferred<void>();
    await using site = await startSite({
      mount: ({ router }) =>
        router.add('/slow', {
          get: async (_request, response) => {
            reached.resolve();
            await go.promise;
            response.end('done');
          },
        }),
    });
    const answer = httpGet(`${site.origin}/slow`);
    await reached.promise;
    const closed = site.listener.close();
    await expect(httpGet(`${site.origin}/slow`)).rejects.toThrow();
    go.resolve();
    expect(await answer).toMatchObject({ status: 200, body: 'done' });
    await closed;
  });

  it('knows when everybody it has taken has asked once, or has left', async () => {
    await using site = await startSite({ ...hello, http: { keepAliveTimeoutMs: 60_000 } });
    await site.listener.heardAll(60_000);
    await using asking = await RawClient.connect(site.port);
    await using leaving = await RawClient.connect(site.port);
    await using shaking = await RawClient.connect(site.port);
    asking.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n');
    await asking.answer();
    // Accepted in order, so all three have been.
    const heard = site.listener.heardAll(60_000);
    let isOver = false;
    void heard.then(() => (isOver = true));
    leaving.socket.destroy();
    await httpGet(`${site.origin}/hello`);
    expect(isOver).toBe(false);
    shaking.write(handshakeRequest('/nowhere'));
    await heard;
    expect(await shaking.answer()).toContain(' 404 ');
  });

  it('waits for handshakes under way too, also on a connection that has asked before', async () => {
    const reached = deferred<void>();
    const go = deferred<void>();
    await using site = await startSite({
      mount: (context) => {
        void hello.mount?.(context);
        context.router.add('/slow', {
          upgrade: async (request, head) => {
            reached.resolve();
            await go.promise;
            context.gateway.handshake(request, {}, handshakeEntry(request, head));
          },
        });
      },
    });
    await using client = await RawClient.connect(site.port);
    client.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.answer();
    client.write(handshakeRequest('/slow'));
    await reached.promise;
    let isOver = false;
    const heard = site.listener.heardAll(60_000).then(() => (isOver = true));
    await httpGet(`${site.origin}/hello`);
    expect(isOver).toBe(false);
    go.resolve();
    await heard;
    await client.read(5);
    expect(await client.answer()).toContain(' 101 ');
  });

  it('knows it with TLS too, where the socket that asks is another one', async () => {
    const tls = await selfSignedCertificate();
    await using site = await startSite({ ...hello, tls, http: { keepAliveTimeoutMs: 60_000 } });
    await using asking = await openTls(site.port, tls.cert);
    await using leaving = await openTls(site.port, tls.cert);
    let isOver = false;
    const heard = site.listener.heardAll(60_000).then(() => (isOver = true));
    expect(await httpGet(`${site.origin}/hello`, {}, { ca: tls.cert })).toMatchObject({ status: 200 });
    expect(isOver).toBe(false);
    asking.socket.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n');
    leaving.socket.destroy();
    await heard;
  });

  it('closes in time whatever a route does', async () => {
    const reached = deferred<void>();
    await using site = await startSite({
      mount: ({ router }) => router.add('/never', { get: () => reached.resolve() }),
    });
    const answer = httpGet(`${site.origin}/never`);
    await reached.promise;
    await Promise.all([site.listener.close(50), expect(answer).rejects.toThrow()]);
  });

  it('does not count its answer to a handshake as waiting, with TLS either', async () => {
    const tls = await selfSignedCertificate();
    const drained: string[] = [];
    const waiting: number[] = [];
    const greeting = 'x'.repeat(5_000);
    await using site = await startSite({
      tls,
      mount: ({ router, gateway }) => {
        router.add('/', {
          upgrade: (request, head) => {
            const { url = '' } = request;
            const options = {
              limits: { messageBytes: 500, outboxBytes: 1_000 },
              onDrain: () => void drained.push(url),
              onMessage: () => void drained.push('a message'),
            };
            const connection = gateway.handshake(request, options, handshakeEntry(request, head));
            if (connection === undefined) return;
            waiting.push(connection.bufferedBytes);
            if (url === '/?greeted') gateway.send(connection, greeting);
          },
        });
      },
    });
    await using silent = await TestClient.open(`wss://127.0.0.1:${site.port}/`, [], { ca: tls.cert });
    silent.send('hello');
    await until(() => drained.length > 0);
    expect(drained).toEqual(['a message']);
    await using greeted = await TestClient.open(`wss://127.0.0.1:${site.port}/?greeted`, [], { ca: tls.cert });
    expect(await greeted.next()).toBe(greeting);
    expect(waiting).toEqual([0, 0]);
  });

  it('speaks TLS, and changes its certificate while it runs', async () => {
    const [first, second] = await Promise.all([selfSignedCertificate(), selfSignedCertificate()]);
    await using site = await startSite({
      tls: first,
      mount: ({ router, gateway }) => {
        router.add('/', {
          get: (_request, response) => void response.end('hello'),
          upgrade: (request, head) => void gateway.handshake(request, {}, handshakeEntry(request, head)),
        });
      },
    });
    expect(await httpGet(site.origin, {}, { ca: first.cert })).toMatchObject({ status: 200, body: 'hello' });
    await using client = await TestClient.open(`wss://127.0.0.1:${site.port}/`, [], { ca: first.cert });
    expect(() => site.listener.setTls({ cert: second.cert, key: first.key })).toThrow();
    expect(await httpGet(site.origin, {}, { ca: first.cert })).toMatchObject({ status: 200 });
    site.listener.setTls(second);
    expect(await httpGet(site.origin, {}, { ca: second.cert })).toMatchObject({ status: 200 });
    await expect(httpGet(site.origin, {}, { ca: first.cert })).rejects.toThrow('certificate');
    expect(client.webSocket.readyState).toBe(1);
  });
});
