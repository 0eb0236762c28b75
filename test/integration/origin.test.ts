import { describe, expect, it } from 'vitest';
import { mountSocketApp } from '../../src/apps/mount-socket-app.ts';
import type { TlsKeyPair } from '../../src/http/http-options.ts';
import { httpGet, tryHandshake } from '../support/http-get.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { startSite, type StartedSite } from '../support/start-site.ts';

function startApp(origins?: readonly string[], tls?: TlsKeyPair): Promise<StartedSite> {
  const options = { urls: ['/app'], ...(origins === undefined ? {} : { origins }) };
  return startSite({
    ...(tls === undefined ? {} : { tls }),
    mount: (context) =>
      mountSocketApp(context, '/app', options, {
        accept: (request, entry) => void context.gateway.handshake(request, {}, entry),
      }),
  });
}

async function statusOf(site: StartedSite, origin: string, host?: string): Promise<number> {
  const headers = { Origin: origin, ...(host === undefined ? {} : { Host: host }) };
  return (await tryHandshake(`${site.origin}/app/connect`, headers)).status;
}

describe('the origin of a page', () => {
  it('is by default the host it connects to', async () => {
    await using site = await startApp();
    expect(await statusOf(site, site.origin)).toBe(101);
    expect(await statusOf(site, 'http://Chat.Example.com', 'chat.example.com')).toBe(101);
    expect(await statusOf(site, 'http://chat.example.com', 'chat.example.com:80')).toBe(101);
    expect(await statusOf(site, 'http://[::1]:8080', '[::1]:8080')).toBe(101);
    // Behind a proxy that ends TLS.
    expect(await statusOf(site, 'https://chat.example.com', 'chat.example.com')).toBe(101);
    expect(await statusOf(site, 'https://chat.example.com', 'chat.example.com:443')).toBe(101);
  });

  it.each([
    ['https://evil.example', 'chat.example.com'],
    ['http://chat.example.com:8080', 'chat.example.com'],
    ['http://chat.example.com', 'chat.example.com:8080'],
    ['https://chat.example.com', 'chat.example.com:80'],
    ['http://chat.example.com.evil.example', 'chat.example.com'],
    ['http://evil-chat.example.com', 'chat.example.com'],
    ['null', 'chat.example.com'],
    ['file://', 'chat.example.com'],
    ['chat.example.com', 'chat.example.com'],
    ['http://evil.example', 'chat.example.com@evil.example'],
    ['http://evil.example', 'evil.example/chat.example.com'],
    ['http://chat.example.com, http://evil.example', 'chat.example.com'],
    ['', 'chat.example.com'],
  ])('is refused when it is %s and the host is %s', async (origin, host) => {
    await using site = await startApp();
    expect(await statusOf(site, origin, host)).toBe(403);
  });

  it('must have come by TLS where the socket does', async () => {
    const tls = await selfSignedCertificate();
    await using site = await startApp(undefined, tls);
    const ask = async (origin: string): Promise<number> =>
      (await tryHandshake(`${site.origin}/app`, { Origin: origin, Host: 'localhost' }, { ca: tls.cert })).status;
    expect(await ask('https://localhost')).toBe(101);
    expect(await ask('http://localhost')).toBe(403);
  });

  it('is one of the list where there is one, and then the own host is no exception', async () => {
    await using site = await startApp(['https://example.com', 'http://localhost:3000', 'capacitor://localhost']);
    expect(await statusOf(site, 'https://example.com')).toBe(101);
    expect(await statusOf(site, 'https://EXAMPLE.com:443')).toBe(101);
    expect(await statusOf(site, 'http://localhost:3000')).toBe(101);
    expect(await statusOf(site, 'capacitor://localhost')).toBe(101);
    expect(await statusOf(site, 'http://example.com')).toBe(403);
    expect(await statusOf(site, 'https://example.com:8443')).toBe(403);
    expect(await statusOf(site, 'https://www.example.com')).toBe(403);
    expect(await statusOf(site, 'null')).toBe(403);
    expect(await statusOf(site, site.origin)).toBe(403);
  });

  it('may be anything where the list says so, or nothing where it says that', async () => {
    await using open = await startApp(['*']);
    expect(await statusOf(open, 'https://anywhere.example')).toBe(101);
    expect(await statusOf(open, 'null')).toBe(101);
    await using sandboxed = await startApp(['null']);
    expect(await statusOf(sandboxed, 'null')).toBe(101);
    await using nobody = await startApp([]);
    expect(await statusOf(nobody, nobody.origin)).toBe(403);
  });

  it('is not asked of programs, which send none, nor of pages and their files', async () => {
    await using site = await startApp(['https://example.com']);
    expect(await tryHandshake(`${site.origin}/app`)).toMatchObject({ status: 101 });
    expect(await httpGet(`${site.origin}/app`, { Origin: 'https://example.org' })).toMatchObject({ status: 426 });
  });

  it('is told when it may not connect, in so many words', async () => {
    await using site = await startApp();
    const answer = await tryHandshake(`${site.origin}/app`, { Origin: 'https://example.org' });
    expect(answer.body).toContain('`origins`');
    expect(answer.headers).toMatchObject({ connection: 'close', 'content-length': String(answer.body.length) });
  });
});
