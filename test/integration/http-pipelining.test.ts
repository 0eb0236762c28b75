import { describe, expect, it } from 'vitest';
import type { HandshakeOptions } from '../../src/gateway/handshake-options.ts';
import type { Route } from '../../src/http/router.ts';
import { deferred, type Deferred } from '../support/deferred.ts';
import { httpGet } from '../support/http-get.ts';
import { RawClient } from '../support/raw-client.ts';
import { startSite, type StartedSite } from '../support/start-site.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

interface PipelineSite extends StartedSite {
  /** Lets `/held` answer. */
  readonly go: Deferred<void>;
}

/** Besides `/hello`, `/slow` and `/held` there is `/socket`, which greets and returns messages. */
async function startPipelineSite(): Promise<PipelineSite> {
  const go = deferred<void>();
  const site = await startSite({
    mount: ({ router, gateway }) => {
      router.add('/hello', { get: (_request, response) => void response.end('hello') });
      router.add('/slow', {
        get: (_request, response) => void setImmediate(() => setImmediate(() => response.end('slow'))),
      });
      router.add('/held', {
        get: async (_request, response) => {
          await go.promise;
          response.end('held');
        },
      });
      router.add('/socket', {
        upgrade: (request, head) => {
          const handlers: HandshakeOptions = {
            onMessage: (connection, data, kind) => void gateway.send(connection, data, kind),
          };
          const opened = gateway.handshake(request, handlers, { head });
          if (opened !== undefined) gateway.send(opened, 'welcome');
        },
      });
    },
  });
  return Object.assign(site, { go });
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const h2cOffer = 'GET /hello HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n';
const proxyRequest = 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n';
const handshake =
  'GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const welcome = Buffer.from([0x81, 7, ...Buffer.from('welcome')]);

/** One answer with its body, as its Content-Length says. */
async function readAnswer(client: RawClient): Promise<string> {
  const head = await client.answer();
  const [, length = '0'] = /^content-length: (\d+)\r$/im.exec(head) ?? [];
  return head + (await client.read(Number(length))).toString();
}

describe('requests in one packet, the last of which leaves HTTP', () => {
  // [the earlier requests, the beginnings of their answers]
  const earlier: readonly (readonly [string, readonly string[]])[] = [
    ['/nowhere', ['HTTP/1.1 404 ']],
    ['/socket', ['HTTP/1.1 426 ']],
    ['/slow', ['HTTP/1.1 200 ']],
    ['/hello /slow /nowhere', ['HTTP/1.1 200 ', 'HTTP/1.1 200 ', 'HTTP/1.1 404 ']],
  ];

  it.each(earlier)('are answered one after the other: %s and an offer of HTTP/2', async (paths, answers) => {
    await using site = await startPipelineSite();
    await using bystander = await TestClient.open(`ws://127.0.0.1:${site.port}/socket`);
    await using client = await RawClient.connect(site.port);
    client.write(...paths.split(' ').map(get), h2cOffer);
    for (const answer of answers) expect(await readAnswer(client)).toContain(answer);
    expect((await client.readToEnd()).toString()).toMatch(
      /^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*\r\nhello$/,
    );
    await until(() => site.lines.length === answers.length + 1);
    bystander.send('still there?');
    expect(await bystander.take(2)).toEqual(['welcome', 'still there?']);
    expect(site.errors).toEqual([]);
  });

  it.each(earlier)('are answered one after the other: %s and a WebSocket handshake', async (paths, answers) => {
    await using site = await startPipelineSite();
    await using bystander = await TestClient.open(`ws://127.0.0.1:${site.port}/socket`);
    await using client = await RawClient.connect(site.port);
    client.write(...paths.split(' ').map(get), handshake, [0x81, 0x82, 0, 0, 0, 0, 0x6d, 0x65]);
    for (const answer of answers) expect(await readAnswer(client)).toContain(answer);
    expect(await client.answer()).toContain('HTTP/1.1 101 ');
    // Nothing but frames from here on.
    expect(await client.read(welcome.length)).toEqual(welcome);
    expect(await client.read(4)).toEqual(Buffer.from([0x81, 2, 0x6d, 0x65]));
    bystander.send('still there?');
    expect(await bystander.take(2)).toEqual(['welcome', 'still there?']);
    expect(site.errors).toEqual([]);
  });

  it.each(earlier)('are answered one after the other: %s and CONNECT', async (paths, answers) => {
    await using site = await startPipelineSite();
    await using bystander = await TestClient.open(`ws://127.0.0.1:${site.port}/socket`);
    await using client = await RawClient.connect(site.port);
    client.write(...paths.split(' ').map(get), proxyRequest);
    for (const answer of answers) expect(await readAnswer(client)).toContain(answer);
    expect((await client.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 405 /);
    await until(() => site.lines.length === answers.length + 1);
    bystander.send('still there?');
    expect(await bystander.take(2)).toEqual(['welcome', 'still there?']);
    expect(site.errors).toEqual([]);
  });

  it.each([h2cOffer, handshake, proxyRequest])('are not answered after one that ends the connection', async (last) => {
    await using site = await startPipelineSite();
    await using client = await RawClient.connect(site.port);
    client.write('GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', last);
    const answers = (await client.readToEnd()).toString();
    expect(answers).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nhello$/);
    expect(answers.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(site.gateway.connections.size).toBe(0);
  });

  it.each([h2cOffer, handshake, proxyRequest, get('/held')])(
    'are forgotten when the client vanishes before its turn',
    async (last) => {
      await using site = await startPipelineSite();
      await using client = await RawClient.connect(site.port);
      client.write(get('/hello'), get('/held'), get('/held'), last);
      expect(await readAnswer(client)).toContain('HTTP/1.1 200 ');
      client.socket.resetAndDestroy();
      await until(() => site.lines.some((line) => line.includes('"GET /held HTTP/1.1" 499 ')));
      // Would wait for answers that nobody can finish any more.
      await site.listener.close(60_000);
      site.go.resolve();
      expect(site.gateway.connections.size).toBe(0);
      expect(site.errors).toEqual([]);
    },
  );

  it.each([h2cOffer, handshake, proxyRequest])('do not outlive the listener', async (last) => {
    await using site = await startPipelineSite();
    await using client = await RawClient.connect(site.port);
    client.write(get('/hello'), get('/held'), last);
    expect(await readAnswer(client)).toContain('HTTP/1.1 200 ');
    await site.listener.close(50);
    expect((await client.readToEnd()).toString()).toBe('');
  });
});

describe('requests in one packet, the last of which is malformed', () => {
  it('are answered as far as they are finished', async () => {
    await using site = await startPipelineSite();
    await using client = await RawClient.connect(site.port);
    client.write(get('/nowhere'), 'nonsense\r\n\r\n');
    expect(await readAnswer(client)).toContain('HTTP/1.1 404 ');
    expect((await client.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('have no answer put into another', async () => {
    await using site = await startPipelineSite();
    await using client = await RawClient.connect(site.port);
    client.write(get('/held'), 'nonsense\r\n\r\n');
    expect((await client.readToEnd()).toString()).toBe('');
  });
});

describe('a listener that fails', () => {
  const broken: Route = {
    get get(): never {
      throw new Error('broken route');
    },
    get upgrade(): never {
      throw new Error('broken route');
    },
  };

  it.each([
    get('/broken'),
    'GET /broken HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n',
    h2cOffer.replace('/hello', '/broken'),
    handshake.replace('/socket', '/broken'),
    get('/hello') + handshake.replace('/socket', '/broken'),
  ])('takes down its connection and nothing else', async (bytes) => {
    await using site = await startSite({
      mount: ({ router }) => {
        router.add('/hello', { get: (_request, response) => void response.end('hello') });
        router.add('/broken', broken);
      },
    });
    await using client = await RawClient.connect(site.port);
    client.write(bytes);
    await client.ended;
    expect(site.errors).toMatchObject([{ event: 'connection-failed', err: { message: 'broken route' } }]);
    expect(await httpGet(`${site.origin}/hello`)).toMatchObject({ status: 200, body: 'hello' });
  });
});
