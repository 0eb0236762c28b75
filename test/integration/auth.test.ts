import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { mountSocketApp } from '../../src/apps/mount-socket-app.ts';
import type { AuthOptions } from '../../src/auth/auth-options.ts';
import type { Identity } from '../../src/auth/identity.ts';
import { hashPassword } from '../../src/auth/password-hash.ts';
import type { TlsKeyPair } from '../../src/http/http-options.ts';
import { httpGet, tryHandshake, type HttpAnswer } from '../support/http-get.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { startSite, type StartedSite } from '../support/start-site.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface GuardedSite extends StartedSite {
  readonly url: string;
  /** Who was let in with a socket. */
  readonly identities: readonly (Identity | undefined)[];
}

async function startGuarded(auth: AuthOptions, tls?: TlsKeyPair): Promise<GuardedSite> {
  const identities: (Identity | undefined)[] = [];
  await using folder = await temporaryFolder({ 'index.html': 'the page', 'page.js': 'the script' });
  const site = await startSite({
    page: folder.path,
    ...(tls === undefined ? {} : { tls }),
    mount: (context) =>
      mountSocketApp(
        context,
        '/app',
        { urls: ['/app'], auth },
        {
          accept: (request, entry) => {
            identities.push(context.gateway.handshake(request, {}, entry)?.identity);
          },
        },
      ),
  });
  return Object.assign(site, { url: `${site.origin}/app`, identities });
}

/** Everything below the URL, asked with the same headers. */
async function askAll(url: string, headers: Readonly<Record<string, string>> = {}): Promise<readonly HttpAnswer[]> {
  return Promise.all([
    httpGet(url, { Accept: 'text/html', ...headers }),
    httpGet(`${url}/page.js`, headers),
    httpGet(`${url}/connect`, headers),
    tryHandshake(url, headers),
    tryHandshake(`${url}/connect`, headers),
  ]);
}

const statuses = (answers: readonly HttpAnswer[]): number[] => answers.map(({ status }) => status);
const admitted = [200, 200, 426, 101, 101];
const refused = (status: number): number[] => Array.from({ length: 5 }, () => status);

describe('basic authentication', () => {
  const basic = (pair: string): Record<string, string> => ({
    Authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
  });

  it('lets users in with their password, in front of pages, files and sockets', async () => {
    const users = { ada: await hashPassword('colon:and ünïcode'), bob: await hashPassword('') };
    await using site = await startGuarded({ type: 'basic', users, realm: 'Logs' });
    expect(statuses(await askAll(site.url, basic('ada:colon:and ünïcode')))).toEqual(admitted);
    expect(statuses(await askAll(site.url, basic('bob:')))).toEqual(admitted);
    expect(site.identities).toEqual([{ user: 'ada' }, { user: 'ada' }, { user: 'bob' }, { user: 'bob' }]);
    const none = await askAll(site.url);
    expect(statuses(none)).toEqual(refused(401));
    for (const { headers, body } of none) {
      expect(headers['www-authenticate']).toBe('Basic realm="Logs", charset="UTF-8"');
      expect(body).toBe('A user name and a password are needed.\n');
    }
  });

  it('refuses the wrong password, the unknown user and what is no credentials in the same words', async () => {
    const users = { ada: await hashPassword('engine') };
    await using site = await startGuarded({ type: 'basic', users });
    const attempts = [
      basic('ada:wrong'),
      basic('ada:'),
      basic('ADA:engine'),
      basic('eve:engine'),
      basic('__proto__:engine'),
      basic('constructor:x'),
      basic('ada'),
      basic(':engine'),
      { Authorization: 'Basic' },
      { Authorization: 'Basic ???' },
      { Authorization: `Bearer ${Buffer.from('ada:engine').toString('base64')}` },
      {},
    ];
    const answers = await Promise.all(attempts.map((headers) => httpGet(site.url, headers)));
    for (const { status, body } of answers) expect({ status, body }).toEqual({ status: 401, body: answers[0]?.body });
    expect(site.identities).toEqual([]);
  });

  it('answers 503 to a flood of wrong passwords, and goes on letting in whom it knows', async () => {
    const users = { ada: await hashPassword('engine') };
    await using site = await startGuarded({ type: 'basic', users });
    expect(await httpGet(site.url, basic('ada:engine'))).toMatchObject({ status: 426 });
    const flood = Promise.all(
      Array.from({ length: 100 }, (_, index) => httpGet(site.url, basic(`ada:guess ${index}`))),
    );
    expect(await httpGet(site.url, basic('ada:engine'))).toMatchObject({ status: 426 });
    const answers = await flood;
    expect(new Set(statuses(answers))).toEqual(new Set([401, 503]));
    expect(answers.find(({ status }) => status === 503)?.headers['retry-after']).toBe('2');
    expect(await httpGet(site.url, basic('ada:wrong'))).toMatchObject({ status: 401 });
  });
});

describe('token authentication', () => {
  const secret = 'a secret of at least thirty-two bytes';
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const nowSeconds = (): number => Math.floor(Date.now() / 1000);
  const sign = (claims: Record<string, unknown>, key = secret, alg = 'HS256'): Promise<string> =>
    new SignJWT(claims).setProtectedHeader({ alg }).sign(encode(key));

  it('lets in with a header, a cookie or a parameter, as the token says who', async () => {
    await using site = await startGuarded({ type: 'token', secret });
    const token = await sign({ sub: 'ada', role: 'admin', exp: nowSeconds() + 60 });
    expect(statuses(await askAll(site.url, { Authorization: `Bearer ${token}` }))).toEqual(admitted);
    expect(statuses(await askAll(site.url, { Cookie: `a=b; carillon_token=${token}; c=d` }))).toEqual(admitted);
    expect(await tryHandshake(`${site.url}/connect?token=${token}`)).toMatchObject({ status: 101 });
    expect(site.identities).toHaveLength(5);
    for (const identity of site.identities)
      expect(identity).toMatchObject({ user: 'ada', claims: { sub: 'ada', role: 'admin' } });
  });

  it('asks for a token where there is none', async () => {
    await using site = await startGuarded({ type: 'token', secret, cookie: 'mine' });
    const answers = await askAll(site.url, { Cookie: 'carillon_token=x' });
    expect(statuses(answers)).toEqual(refused(401));
    for (const { headers } of answers) expect(headers['www-authenticate']).toBe('Bearer realm="Carillon"');
  });

  it('refuses tokens that are not good, and says why', async () => {
    await using site = await startGuarded({ type: 'token', secret });
    const good = await sign({ sub: 'ada' });
    const [header = '', payload = '', signature = ''] = good.split('.');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    const tokens: readonly (readonly [string, string])[] = [
      [await sign({ sub: 'ada', exp: nowSeconds() - 60 }), 'it has expired'],
      [await sign({ sub: 'ada', nbf: nowSeconds() + 60 }), 'it is not valid yet'],
      [await sign({ sub: 'ada' }, 'another secret, also of 32 bytes or so'), 'its signature does not match'],
      [`${header}.${Buffer.from('{"sub":"eve"}').toString('base64url')}.${signature}`, 'its signature does not match'],
      [await sign({ sub: 'ada' }, secret.repeat(2), 'HS512'), 'it is not signed with HS256'],
      [none, 'it is not signed with HS256'],
      [await sign({}), 'it names no user (sub)'],
      [await sign({ sub: '' }), 'it names no user (sub)'],
      [await sign({ sub: 7 }), 'it names no user (sub)'],
      [await sign({ sub: 'ada', exp: 'soon' }), 'a claim is malformed'],
      ['nonsense', 'it is malformed'],
      [`${good}.x`, 'it is malformed'],
    ];
    for (const [token, reason] of tokens) {
      const answer = await tryHandshake(site.url, { Authorization: `Bearer ${token}` });
      expect(answer, reason).toMatchObject({ status: 401, body: `The token is not valid: ${reason}.\n` });
      expect(answer.headers['www-authenticate']).toBe(
        `Bearer realm="Carillon", error="invalid_token", error_description="${reason}"`,
      );
    }
    expect(site.identities).toEqual([]);
  });

  it('refuses a good token with anything around it', async () => {
    await using site = await startGuarded({ type: 'token', secret });
    const token = await sign({ sub: 'ada' });
    for (const parameter of ['%0a', '%0d%0aSet-Cookie:x=y', '%00', '%20', '%3d', ';', '%c3%a9', '"'].flatMap((dirt) => [
      token + dirt,
      dirt + token,
      token.replace('.', `${dirt}.`),
    ])) {
      const answer = await httpGet(`${site.url}?token=${parameter}`, { Accept: 'text/html' });
      expect(answer, parameter).toMatchObject({ status: 401, body: 'The token is not valid: it is malformed.\n' });
      expect(answer.headers).not.toHaveProperty('set-cookie');
      expect(await tryHandshake(`${site.url}?token=${parameter}`)).toMatchObject({ status: 401 });
    }
    expect(site.errors).toEqual([]);
  });

  it('bears with clocks that are a few seconds apart', async () => {
    await using site = await startGuarded({ type: 'token', secret });
    const token = await sign({ sub: 'ada', nbf: nowSeconds() + 3 });
    expect(await tryHandshake(site.url, { Authorization: `Bearer ${token}` })).toMatchObject({ status: 101 });
  });

  it('lets in by the first good token, in the order header, cookie, parameter', async () => {
    await using site = await startGuarded({ type: 'token', secret });
    const [ada, bob, eve] = await Promise.all(['ada', 'bob', 'eve'].map((sub) => sign({ sub })));
    const stale = await sign({ sub: 'old', exp: 1 });
    await tryHandshake(`${site.url}?token=${eve}`, { Authorization: `Bearer ${ada}`, Cookie: `carillon_token=${bob}` });
    await tryHandshake(`${site.url}?token=${eve}`, { Authorization: 'Basic YTpi', Cookie: `carillon_token=${bob}` });
    await tryHandshake(`${site.url}?token=${eve}`, { Cookie: `carillon_token=${stale}` });
    expect(site.identities.map((identity) => identity?.user)).toEqual(['ada', 'bob', 'eve']);
  });

  it('turns the parameter of a page into a cookie for its files and sockets', async () => {
    await using site = await startGuarded({ type: 'token', secret });
    const token = await sign({ sub: 'ada', exp: nowSeconds() + 60 });
    const page = await httpGet(`${site.url}?token=${token}`, { Accept: 'text/html' });
    expect(page).toMatchObject({ status: 200, body: 'the page' });
    const [cookie = ''] = page.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(
      new RegExp(`^carillon_token=${token}; HttpOnly; SameSite=Strict; Path=/app; Max-Age=(59|60)$`),
    );
    expect(statuses(await askAll(site.url, { Cookie: cookie.split(';', 1)[0] ?? '' }))).toEqual(admitted);
    const whole = await httpGet(site.url, { Accept: 'text/html' }, { path: `http://x/app?token=${token}` });
    expect(whole.headers['set-cookie']?.[0]).toContain('; Path=/app;');
    const again = await httpGet(site.url, { Accept: 'text/html', Cookie: `carillon_token=${token}` });
    expect(again.headers).not.toHaveProperty('set-cookie');
  });

  it('keeps that cookie on TLS where it came by TLS', async () => {
    const tls = await selfSignedCertificate();
    await using site = await startGuarded({ type: 'token', secret }, tls);
    const token = await sign({ sub: 'ada' });
    const page = await httpGet(`${site.url}?token=${token}`, { Accept: 'text/html' }, { ca: tls.cert });
    expect(page.headers['set-cookie']?.[0]).toMatch(/; Path=\/app; Secure$/);
  });
});

describe('loopback authentication', () => {
  it('lets in who connects from this machine to this machine', async () => {
    await using site = await startGuarded({ type: 'loopback' });
    expect(statuses(await askAll(site.url))).toEqual(admitted);
    expect(statuses(await askAll(site.url, { Host: `localhost:${site.port}` }))).toEqual(admitted);
    expect(site.identities).toEqual([undefined, undefined, undefined, undefined]);
  });

  it.each([
    { Forwarded: 'for=192.0.2.1' },
    { Forwarded: '' },
    { 'X-Forwarded-For': '127.0.0.1' },
    { 'X-Forwarded-Host': 'localhost' },
    { 'X-Forwarded-Something-New': 'x' },
    { 'X-Real-IP': '127.0.0.1' },
    { Via: '1.1 proxy' },
    { Host: 'rebound.example:8080' },
    { Host: 'localhost.example' },
  ])('refuses a request with %j', async (headers) => {
    await using site = await startGuarded({ type: 'loopback' });
    expect(statuses(await askAll(site.url, { ...headers }))).toEqual(refused(403));
  });
});
