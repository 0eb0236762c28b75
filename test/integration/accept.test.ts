import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { mountSocketApp, type SocketAppHandlers } from '../../src/apps/mount-socket-app.ts';
import { hashPassword } from '../../src/auth/password-hash.ts';
import { upgradeEntryOf } from '../../src/http/upgrade-entry.ts';
import { deferred } from '../support/deferred.ts';
import { httpGet, tryHandshake } from '../support/http-get.ts';
import { handshakeRequest, RawClient } from '../support/raw-client.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { startSite, type SiteOptions } from '../support/start-site.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const socketApp: SiteOptions = {
  mount: (context) => {
    const { gateway } = context;
    mountSocketApp(
      context,
      '/app',
      { urls: [] },
      {
        accept: (request, entry) => void gateway.handshake(request, {}, entry),
      },
    );
  },
};

const socketUrl = (port: number): string => `ws://127.0.0.1:${port}/app`;

describe('handshakes above accept.rate', () => {
  it('are answered with 503 and a Retry-After before anything else is looked at, counted and logged', async () => {
    let asked = 0;
    await using site = await startSite({
      accept: { rate: 0.001, burst: 2 },
      mount: ({ router, gateway }) => {
        router.add('/', {
          upgrade: (request, head) => {
            asked++;
            const watcher = upgradeEntryOf(request);
            gateway.handshake(request, {}, { head, ...(watcher === undefined ? {} : { watcher }) });
          },
        });
      },
    });
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await tryHandshake(`${site.origin}/`));
    expect(answers.map(({ status }) => status)).toEqual([101, 101, 503, 503, 503]);
    expect(asked).toBe(2);
    for (const { headers, body } of answers.slice(2)) {
      expect(headers).toMatchObject({ connection: 'close', 'x-frame-options': 'DENY' });
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(body).toBe('Too many connections are being opened at the moment; come back later.\n');
    }
    const { counts } = site.metrics;
    expect(counts.handshakesRefused).toBe(3);
    expect(counts.handshakesRefusedBy.get('rate')).toBe(3);
    expect(site.lines.filter((line) => line.includes(' 503 '))).toHaveLength(3);
    expect(site.warnings).toContain('handshakes are refused: more than accept.rate (0.001 a second) came');
  });

  it('are refused on unknown paths too, so that nobody gets by; other requests are answered', async () => {
    await using site = await startSite({ ...socketApp, accept: { rate: 0.001, burst: 1 } });
    expect(await tryHandshake(`${site.origin}/nowhere`)).toMatchObject({ status: 404 });
    expect(await tryHandshake(`${site.origin}/nowhere`)).toMatchObject({ status: 503 });
    expect(await httpGet(`${site.origin}/app`)).toMatchObject({ status: 426 });
  });

  it('are refused in the order of what was asked on the connection', async () => {
    await using site = await startSite({ ...socketApp, accept: { rate: 0.001, burst: 1 } });
    await using client = await TestClient.open(socketUrl(site.port));
    await using raw = await RawClient.connect(site.port);
    raw.write('GET /app HTTP/1.1\r\nHost: x\r\n\r\n', handshakeRequest('/app'));
    const statuses = [...(await raw.readToEnd()).toString().matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(
      ([, status]) => status,
    );
    expect(statuses).toEqual(['426', '503']);
    expect(client.webSocket.readyState).toBe(1);
  });

  it('reach the client whole where it did not wait with its messages', async () => {
    await using site = await startSite({ ...socketApp, accept: { rate: 0.001, burst: 1 } });
    await tryHandshake(`${site.origin}/app`);
    await using raw = await RawClient.connect(site.port);
    raw.write(handshakeRequest('/app'), Buffer.alloc(100_000));
    expect(await raw.answer()).toMatch(/^HTTP\/1\.1 503 /);
  });

  it('are refused behind TLS', async () => {
    const tls = await selfSignedCertificate();
    await using site = await startSite({ ...socketApp, accept: { rate: 0.001, burst: 1 }, tls });
    const options = { ca: tls.cert };
    expect((await tryHandshake(`${site.origin}/app`, {}, options)).status).toBe(101);
    expect((await tryHandshake(`${site.origin}/app`, {}, options)).status).toBe(503);
  });
});

describe('accept.connections', () => {
  it('is how many are open at most; who leaves makes room', async () => {
    await using site = await startSite({ ...socketApp, accept: { connections: 2 } });
    await using first = await TestClient.open(socketUrl(site.port));
    await using second = await TestClient.open(socketUrl(site.port));
    const refused = await tryHandshake(`${site.origin}/app`);
    expect(refused).toMatchObject({
      status: 503,
      body: 'This worker has as many connections as it may have; come back later.\n',
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(5);
    expect(site.metrics.counts.handshakesRefusedBy.get('connections')).toBe(1);
    first.webSocket.close();
    await first.closed;
    await until(() => site.gateway.connections.size === 1);
    await using third = await TestClient.open(socketUrl(site.port));
    expect([second, third].map(({ webSocket }) => webSocket.readyState)).toEqual([1, 1]);
  });

  it('counts handshakes that are under way, and forgets those that are refused, malformed or abandoned', async () => {
    const decided = deferred<undefined>();
    await using site = await startSite({
      accept: { connections: 1 },
      mount: ({ router, gateway }) => {
        router.add('/slow', {
          upgrade: async (request) => {
            await decided.promise;
            request.socket.destroy();
          },
        });
        router.add('/', {
          upgrade: (request, head) => {
            const watcher = upgradeEntryOf(request);
            gateway.handshake(request, {}, { head, ...(watcher === undefined ? {} : { watcher }) });
          },
        });
      },
    });
    const { counts } = site.metrics;
    // Refused by the router, and by the gateway.
    expect((await tryHandshake(`${site.origin}/nowhere`)).status).toBe(404);
    expect((await tryHandshake(`${site.origin}/`, { 'Sec-WebSocket-Version': '7' })).status).toBe(400);
    await until(() => counts.handshakesRefused === 2);
    await using leaving = await RawClient.connect(site.port);
    leaving.write(handshakeRequest('/slow'));
    await until(async () => (await tryHandshake(`${site.origin}/`)).status === 503);
    decided.resolve(undefined);
    await leaving.ended;
    await until(() => counts.handshakesRefusedBy.get('abandoned') === 1);
    expect((await tryHandshake(`${site.origin}/nowhere`)).status).toBe(404);
    expect(counts.handshakesRefusedBy.get('malformed')).toBe(1);
    expect(counts.handshakesRefusedBy.get('not-found')).toBe(2);
    const sum = [...counts.handshakesRefusedBy.values()].reduce((all, each) => all + each, 0);
    expect(counts.handshakesRefused).toBe(sum);
  });
});

describe('a handshake whose client leaves before the answer', () => {
  it('is counted once, and not taken for malformed', async () => {
    const asked = deferred<void>();
    const decided = deferred<void>();
    const handled = deferred<void>();
    await using site = await startSite({
      mount: ({ router, gateway }) => {
        router.add('/', {
          upgrade: async (request, head) => {
            asked.resolve();
            await decided.promise;
            expect(gateway.handshake(request, {}, { head })).toBeUndefined();
            handled.resolve();
          },
        });
      },
    });
    const { counts } = site.metrics;
    await using client = await RawClient.connect(site.port);
    client.write(handshakeRequest('/'));
    await asked.promise;
    client.socket.resetAndDestroy();
    await until(() => counts.handshakesRefusedBy.get('abandoned') === 1);
    decided.resolve();
    await handled.promise;
    expect(counts.handshakesRefused).toBe(1);
    await until(() => site.lines.length === 1);
    expect(site.lines[0]).toContain('HTTP/1.1" 499 ');
  });

  it('is not given to the app once it has been authenticated', async () => {
    const hash = await hashPassword('secret');
    let asked = 0;
    await using site = await startSite({
      mount: (context) => {
        const auth = { type: 'basic', realm: 'x', users: { ada: hash, bob: hash } } as const;
        const accept: SocketAppHandlers['accept'] = (request, entry) => {
          asked++;
          context.gateway.handshake(request, {}, entry);
        };
        mountSocketApp(context, '/app', { urls: [], auth }, { accept });
      },
    });
    const authorization = (user: string): string => `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`;
    await using client = await RawClient.connect(site.port);
    client.write(handshakeRequest('/app', `Authorization: ${authorization('ada')}`));
    // It has been read then; to hash the password takes longer.
    await httpGet(`${site.origin}/nowhere`);
    client.socket.resetAndDestroy();
    const answer = await tryHandshake(`${site.origin}/app`, { Authorization: authorization('bob') });
    expect(answer.status).toBe(101);
    const { counts } = site.metrics;
    await until(() => counts.handshakesAccepted + counts.handshakesRefused === 2);
    expect(asked).toBe(counts.handshakesAccepted);
  });

  it('is not looked at when its turn comes', async () => {
    const count = 300;
    let asked = 0;
    const clients: RawClient[] = [];
    await using site = await startSite({
      mount: ({ router, gateway }) => {
        router.add('/', {
          upgrade: (request, head) => {
            // Those of the next turns have come by now too.
            if (asked++ === 0) for (const client of clients) client.socket.resetAndDestroy();
            const watcher = upgradeEntryOf(request);
            gateway.handshake(request, {}, { head, ...(watcher === undefined ? {} : { watcher }) });
          },
        });
      },
    });
    for (let i = 0; i < count; i++) {
      const client = await RawClient.connect(site.port);
      client.write('GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n');
      await client.answer();
      clients.push(client);
    }
    for (const client of clients) client.write(handshakeRequest('/'));
    const { counts } = site.metrics;
    await until(() => counts.handshakesAccepted + counts.handshakesRefused >= count && counts.connections === 0);
    expect(asked).toBeLessThan(count);
    expect(counts.handshakesAccepted).toBe(asked);
    expect([...counts.handshakesRefusedBy].filter(([, refused]) => refused > 0)).toEqual([
      ['abandoned', count - asked],
    ]);
  });
});

describe('a handshake that comes while the listener closes', () => {
  it('takes nobody else’s place, and gives none back', async () => {
    const decided = deferred<void>();
    const asked = deferred<void>();
    await using site = await startSite({
      accept: { connections: 1 },
      mount: ({ router }) => {
        router.add('/slow', {
          get: async (_request, response) => {
            asked.resolve();
            await decided.promise;
            response.end('done');
          },
        });
      },
    });
    await using client = await RawClient.connect(site.port);
    client.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await asked.promise;
    const closed = site.listener.close(10_000);
    client.write(handshakeRequest('/'));
    // The kernel has it; in the next turn it is read.
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    decided.resolve();
    await closed;
    await client.ended;
    const answers = ['192.0.2.1', '192.0.2.2'].map((address) => site.door.admit(address)?.reason);
    expect(answers).toEqual([undefined, 'connections']);
  });
});

describe('accept.perAddress', () => {
  it('holds each address by itself, as trusted proxies tell it, and each /64 of IPv6', async () => {
    await using site = await startSite({
      ...socketApp,
      accept: { perAddress: 1, trustedProxies: ['127.0.0.1'] },
    });
    const open = (address: string): Promise<TestClient> =>
      TestClient.open(socketUrl(site.port), [], { headers: { 'X-Forwarded-For': address } });
    const tried = async (address: string): Promise<number> =>
      (await tryHandshake(`${site.origin}/app`, { 'X-Forwarded-For': address })).status;
    await using ada = await open('192.0.2.1');
    expect(await tried('192.0.2.1')).toBe(429);
    expect(await tried('::ffff:192.0.2.1')).toBe(429);
    await using bob = await open('192.0.2.2');
    await using eve = await open('2001:db8:0:1::1');
    expect(await tried('2001:db8:0:1:ffff::2')).toBe(429);
    await using other = await open('2001:db8:0:2::1');
    const refused = await tryHandshake(`${site.origin}/app`, { 'X-Forwarded-For': '192.0.2.2' });
    expect(refused.body).toBe('Too many connections are open from your address.\n');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(5);
    expect(site.metrics.counts.handshakesRefusedBy.get('address')).toBe(4);
    expect([...site.gateway.connections.values()].map(({ address }) => address)).toEqual([
      '192.0.2.1',
      '192.0.2.2',
      '2001:db8:0:1::1',
      '2001:db8:0:2::1',
    ]);
    for (const client of [ada, bob, eve, other]) client.webSocket.close();
    await until(() => site.gateway.connections.size === 0);
    await using again = await open('2001:db8:0:1::9');
    expect(again.webSocket.readyState).toBe(1);
    expect(site.lines.filter((line) => line.startsWith('2001:db8:0:1::1 '))).toHaveLength(1);
  });
});

describe("a client's address", () => {
  it.each([
    ['no proxy is trusted', [], '192.0.2.1', '127.0.0.1'],
    ['the peer is not trusted', ['10.0.0.0/8'], '192.0.2.1', '127.0.0.1'],
    ['the trusted peer says nothing', ['127.0.0.1'], undefined, '127.0.0.1'],
    ['one proxy is trusted', ['127.0.0.1'], '192.0.2.1', '192.0.2.1'],
    ['the client made something up', ['127.0.0.1'], '6.6.6.6, 192.0.2.1', '192.0.2.1'],
    ['two proxies are trusted', ['127.0.0.0/8', '10.0.0.0/8'], '6.6.6.6, 192.0.2.1, 10.1.2.3', '192.0.2.1'],
    ['all of them are trusted', ['0.0.0.0/0'], '192.0.2.1, 10.1.2.3', '192.0.2.1'],
    ['a hop is no address', ['127.0.0.1', '10.0.0.0/8'], '192.0.2.1, unknown, 10.1.2.3', '10.1.2.3'],
    ['hops have ports', ['127.0.0.1', '10.0.0.0/8'], '[2001:DB8:0::1]:4711, 10.1.2.3:80', '2001:db8::1'],
    ['the network is one of IPv6', ['127.0.0.1', '2001:db8::/32'], '192.0.2.1,2001:db8::5', '192.0.2.1'],
    ['it is mapped to IPv6', ['127.0.0.1'], '::ffff:192.0.2.1', '192.0.2.1'],
  ])('is right where %s', async (_what, trustedProxies, forwarded, address) => {
    await using site = await startSite({ ...socketApp, accept: { trustedProxies } });
    const headers: Record<string, string> = forwarded === undefined ? {} : { 'X-Forwarded-For': forwarded };
    await using client = await TestClient.open(socketUrl(site.port), [], { headers });
    expect([...site.gateway.connections.values()].map((connection) => connection.address)).toEqual([address]);
    client.webSocket.close();
    await until(() => site.lines.length === 1);
    expect(site.lines[0]).toMatch(new RegExp(`^${address.replaceAll('.', '\\.')} `));
    await httpGet(`${site.origin}/app`, headers);
    expect(site.lines[1]).toMatch(new RegExp(`^${address.replaceAll('.', '\\.')} `));
  });
});
