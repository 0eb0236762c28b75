import { describe, expect, it } from 'vitest';
import { mountSocketApp, type SocketAppHandlers } from '../../src/apps/mount-socket-app.ts';
import type { AppOptions } from '../../src/apps/app-options.ts';
import { httpGet, tryHandshake } from '../support/http-get.ts';
import { RawClient } from '../support/raw-client.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { startSite, type SiteOptions, type StartedSite } from '../support/start-site.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const browser = { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

/** An app that accepts everybody and says hello. */
function startApp(
  options: AppOptions,
  handlers: Partial<SocketAppHandlers> = {},
  site: SiteOptions = {},
): Promise<StartedSite> {
  return startSite({
    ...site,
    mount: (context) => {
      for (const url of options.urls) {
        mountSocketApp(context, url, options, {
          accept: (request, entry) => {
            const connection = context.gateway.handshake(request, {}, entry);
            if (connection !== undefined) context.gateway.send(connection, `hello ${entry.query.get('name') ?? 'you'}`);
          },
          ...handlers,
        });
      }
    },
  });
}

function pageFolder(): Promise<TemporaryFolder> {
  return temporaryFolder({
    'index.html': '<link href="{{base}}/page.css">',
    'page.css': 'body {}',
    'page.js': 'go();',
  });
}

describe('an app at a URL', () => {
  it('has its sockets at the URL and below it at /connect', async () => {
    await using site = await startApp({ urls: ['/chat', '/'] });
    for (const path of ['/chat', '/chat/connect?name=ada', '/', '/connect']) {
      await using client = await TestClient.open(`ws://127.0.0.1:${site.port}${path}`);
      expect(await client.next()).toBe(path.includes('ada') ? 'hello ada' : 'hello you');
    }
    expect(await tryHandshake(`${site.origin}/chat/`)).toMatchObject({ status: 404 });
    expect(await tryHandshake(`${site.origin}/chat/connect/`)).toMatchObject({ status: 404 });
  });

  it('shows browsers its page, and revalidates it', async () => {
    await using folder = await pageFolder();
    await using site = await startApp({ urls: ['/chat', '/'] }, {}, { page: folder.path });
    const page = await httpGet(`${site.origin}/chat`, browser);
    expect(page).toMatchObject({
      status: 200,
      body: '<link href="/chat/page.css">',
      headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', vary: 'Accept' },
    });
    expect(page.headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
        "require-trusted-types-for 'script'; trusted-types 'none'",
    );
    expect(page.headers['permissions-policy']).toContain('camera=(), ');
    expect(await httpGet(`${site.origin}/`, browser)).toMatchObject({ status: 200, body: '<link href="/page.css">' });
    expect(await httpGet(`${site.origin}/page.css`)).toMatchObject({ status: 200, body: 'body {}' });
    const script = await httpGet(`${site.origin}/chat/page.js`);
    expect(script).toMatchObject({
      status: 200,
      body: 'go();',
      headers: { 'content-type': 'text/javascript; charset=utf-8' },
    });
    const { etag = '' } = script.headers;
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await httpGet(`${site.origin}/chat/page.js`, { 'If-None-Match': tag });
      expect(again).toMatchObject({ status: 304, body: '', headers: { etag } });
    }
    expect(await httpGet(`${site.origin}/chat/page.js`, { 'If-None-Match': '"other"' })).toMatchObject({ status: 200 });
    const head = await httpGet(`${site.origin}/chat`, browser, { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': '28', etag: page.headers.etag } });
    expect(await httpGet(`${site.origin}/chat/index.html`)).toMatchObject({ status: 404 });
  });

  it('explains itself with 426 to everything that is neither a socket nor a browser', async () => {
    await using folder = await pageFolder();
    await using site = await startApp({ urls: ['/chat'] }, {}, { page: folder.path });
    const host = `127.0.0.1:${site.port}`;
    for (const [path, accept] of [
      ['/chat', '*/*'],
      ['/chat', 'application/json'],
      ['/chat', 'text/html;q=0, */*'],
      ['/chat/connect', '*/*'],
      ['/chat/connect', browser.Accept],
    ] as const) {
      const answer = await httpGet(`${site.origin}${path}`, { Accept: accept });
      expect(answer).toMatchObject({
        status: 426,
        headers: {
          upgrade: 'websocket',
          connection: expect.stringMatching(/^Upgrade\b/),
          'content-type': 'text/plain; charset=utf-8',
        },
      });
      expect(answer.body).toContain(`wscat -c 'ws://${host}/chat'`);
      expect(answer.body).toContain(`http://${host}/chat`);
    }
    const elsewhere = await httpGet(`${site.origin}/chat`, { Host: 'chat.example.com', 'X-Forwarded-Proto': 'https' });
    expect(elsewhere.body).toContain("'wss://chat.example.com/chat'");
    for (const forged of ["x'; rm -rf '", 'evil.com/path', '<script>', 'a b', 'user@host']) {
      const answer = await httpGet(`${site.origin}/chat`, { Host: forged });
      expect(answer.body).toContain("'ws://<host>/chat'");
      expect(answer.body).not.toContain(forged);
    }
  });

  it('ends the connection with that answer where the request has a body', async () => {
    await using site = await startApp({ urls: ['/chat'] });
    await using client = await RawClient.connect(site.port);
    client.write('GET /chat HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc');
    expect((await client.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 426 [\s\S]*Connection: Upgrade, close\r\n/);
  });

  it('names the encrypted address where it speaks TLS', async () => {
    const tls = await selfSignedCertificate();
    await using site = await startApp({ urls: ['/chat'] }, {}, { tls });
    const answer = await httpGet(`${site.origin}/chat`, {}, { ca: tls.cert });
    expect(answer.body).toContain(`websocat 'wss://127.0.0.1:${site.port}/chat'`);
    expect(answer.body).not.toContain('Its page');
  });

  it('has 404 for what it says does not exist, for page and socket alike', async () => {
    await using folder = await pageFolder();
    const exists = (query: URLSearchParams): boolean => query.get('log') === 'access';
    await using site = await startApp({ urls: ['/log'] }, { exists }, { page: folder.path });
    expect(await httpGet(`${site.origin}/log?log=access`, browser)).toMatchObject({ status: 200 });
    expect(await httpGet(`${site.origin}/log?log=other`, browser)).toMatchObject({ status: 404, body: 'Not found.\n' });
    expect(await httpGet(`${site.origin}/log/connect?log=other`)).toMatchObject({ status: 404, body: 'Not found.\n' });
    expect(await tryHandshake(`${site.origin}/log?log=access`)).toMatchObject({ status: 101 });
    expect(await tryHandshake(`${site.origin}/log?log=../etc/passwd`)).toMatchObject({
      status: 404,
      body: 'Not found.\n',
    });
  });

  it('does not tell who may not come in what exists', async () => {
    const exists = (query: URLSearchParams): boolean => query.get('log') === 'access';
    await using site = await startApp({ urls: ['/log'], auth: { type: 'token', secret: 'x'.repeat(32) } }, { exists });
    for (const path of ['/log', '/log/connect']) {
      for (const ask of [httpGet, tryHandshake]) {
        const [there, not] = [
          await ask(`${site.origin}${path}?log=access`),
          await ask(`${site.origin}${path}?log=other`),
        ];
        expect(there.status).toBe(401);
        const own = { date: '', 'x-request-id': '' };
        expect({ ...not, headers: { ...not.headers, ...own } }).toEqual({
          ...there,
          headers: { ...there.headers, ...own },
        });
      }
    }
  });

  it('answers malformed handshakes with what the gateway says, and lives on', async () => {
    await using site = await startApp({ urls: ['/chat'] });
    const old = await tryHandshake(`${site.origin}/chat`, { 'Sec-WebSocket-Version': '7' });
    const body = 'This is no valid WebSocket handshake: Sec-WebSocket-Version: expected 13.\n';
    expect(old).toMatchObject({ status: 400, body, headers: { 'sec-websocket-version': '13, 8' } });
    expect(await tryHandshake(`${site.origin}/chat`, { 'Sec-WebSocket-Key': 'short' })).toMatchObject({ status: 400 });
    await until(() => site.lines.length === 2);
    expect(site.lines[0]).toContain(`"GET /chat HTTP/1.1" 400 ${body.length} `);
    expect(site.lines[0]).toMatch(new RegExp(` ${String(old.headers['x-request-id'])}\n$`));
    expect(await tryHandshake(`${site.origin}/chat`)).toMatchObject({ status: 101 });
  });

  it('logs and counts an app that fails to accept, ends that connection, and lives on', async () => {
    await using site = await startApp(
      { urls: ['/chat'] },
      {
        accept: async (request, { query, ...entry }) => {
          if (query.get('fail') === 'before') throw new Error('broken app');
          const connection = site.gateway.handshake(request, {}, entry);
          if (query.get('fail') === 'after') throw new Error('broken app');
          if (connection !== undefined) site.gateway.send(connection, 'hello');
        },
      },
    );
    expect(await tryHandshake(`${site.origin}/chat?fail=before`)).toMatchObject({ status: 500 });
    await using opened = await TestClient.open(`ws://127.0.0.1:${site.port}/chat?fail=after`);
    expect(await opened.closed).toMatchObject({ code: 1006 });
    await using bystander = await TestClient.open(`ws://127.0.0.1:${site.port}/chat`);
    expect(await bystander.next()).toBe('hello');
    const failure = { event: 'route-error', err: { message: 'broken app' } };
    expect(site.errors).toMatchObject([failure, failure]);
    expect(site.metrics.counts.appErrors).toBe(2);
  });

  it('counts the handshakes that were refused before the gateway saw them', async () => {
    await using site = await startApp({ urls: ['/chat'], origins: ['https://example.com'] });
    await tryHandshake(`${site.origin}/nowhere`);
    await tryHandshake(`${site.origin}/chat`, { Origin: 'https://example.org' });
    await tryHandshake(`${site.origin}/chat`, { 'Sec-WebSocket-Version': '7' });
    expect(site.metrics.counts).toMatchObject({ handshakesRefused: 3, handshakesAccepted: 0 });
  });
});
