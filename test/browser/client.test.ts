import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type * as browserClient from '../../src/client/open-browser.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { refusingPort, startTcpServer } from '../support/start-tcp-server.ts';
import { echo, startWebSocketServer } from '../support/start-web-socket-server.ts';
import { until } from '../support/until.ts';

declare global {
  /** The client as the page has it, and what a test keeps there between two steps. */
  var carillon: typeof browserClient;
  var client: browserClient.Client;
  var seen: browserClient.StateChange[];
}

const entry = fileURLToPath(new URL('../../src/client/open-browser.ts', import.meta.url));

let inputs: string[];
let browser: Browser;
let pageServer: Server;
let page: Page;

beforeAll(async () => {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'carillon',
    target: 'es2022',
  });
  inputs = Object.keys(result.metafile.inputs);
  const script = result.outputFiles[0]?.text ?? '';
  pageServer = createServer((request, response) => {
    const isScript = request.url === '/client.js';
    response.writeHead(200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html' });
    response.end(isScript ? script : '<!doctype html><title>client</title><script src="/client.js"></script>');
  });
  pageServer.listen(0, '127.0.0.1');
  await once(pageServer, 'listening');
  browser = await launchChromium();
  page = await browser.newPage();
});

afterAll(async () => {
  await browser?.close();
  pageServer?.closeAllConnections();
  await new Promise((resolve) => pageServer?.close(resolve));
});

beforeEach(async () => {
  await page.goto(`http://127.0.0.1:${(pageServer.address() as AddressInfo).port}/`);
});

/** Code, message and class of what opening in the page rejects with. */
function openingError(
  url: string,
  options: browserClient.OpenOptions = {},
): Promise<{ code: string; message: string; isConnectError: boolean }> {
  return page.evaluate(
    async ([givenUrl, givenOptions]) => {
      const error = await carillon.open(givenUrl, givenOptions).then(
        () => undefined,
        (reason: browserClient.ClientError) => reason,
      );
      return {
        code: error?.code ?? '',
        message: error?.message ?? '',
        isConnectError: error instanceof carillon.ConnectError,
      };
    },
    [url, options] as const,
  );
}

describe('the client in a browser', () => {
  it('is bundled from its own files and src/lib alone', () => {
    expect(inputs.length).toBeGreaterThan(5);
    for (const input of inputs) expect(input).toMatch(/^src\/(client|lib)\/[a-z-]+\.ts$/);
    expect(inputs.join()).not.toContain('node-transport');
  });

  it('sends and receives text and binary in order, and iterates', async () => {
    await using server = await startWebSocketServer(echo);
    const received = await page.evaluate(async (url) => {
      const opened = await carillon.open(url);
      const sent = [opened.send('first ☃'), opened.send(new Uint8Array([0, 255, 7]).subarray(1)), opened.send('')];
      const messages: unknown[] = [];
      for await (const message of opened) {
        messages.push(typeof message === 'string' ? message : [...message]);
        if (messages.length === 3) break;
      }
      const buffered = opened.bufferedBytes;
      const end = await opened.close(3210, 'thanks');
      return { sent, messages, buffered, end, state: opened.state, after: await opened.receive() };
    }, server.url);
    expect(received).toEqual({
      sent: [true, true, true],
      messages: ['first ☃', [255, 7], ''],
      buffered: 0,
      end: { code: 3210, reason: 'thanks' },
      state: 'closed',
      after: undefined,
    });
  });

  it('keeps the order of thousands of messages', async () => {
    const count = 5000;
    await using server = await startWebSocketServer((socket) => {
      for (let index = 0; index < count; index++) socket.send(String(index));
      socket.close(1000, 'all');
    });
    const received = await page.evaluate(async (url) => {
      const opened = await carillon.open(url);
      const messages: unknown[] = [];
      for await (const message of opened) messages.push(message);
      return messages;
    }, server.url);
    expect(received).toEqual(Array.from({ length: count }, (_, index) => String(index)));
  });

  it('takes a URL relative to the page', async () => {
    const paths: (string | undefined)[] = [];
    const { port } = pageServer.address() as AddressInfo;
    const onUpgrade = (request: { url?: string }, socket: { destroy(): void }): void => {
      paths.push(request.url);
      socket.destroy();
    };
    pageServer.on('upgrade', onUpgrade);
    const { message } = await openingError('/chat/connect?x=1');
    pageServer.off('upgrade', onUpgrade);
    expect(paths).toEqual(['/chat/connect?x=1']);
    expect(message).toContain(`cannot open ws://127.0.0.1:${port}/chat/connect:`);
  });

  it('knows the chosen subprotocol, and fails when none is chosen', async () => {
    await using server = await startWebSocketServer(undefined, {
      handleProtocols: (offered) => offered.has('b') && 'b',
    });
    const chosen = await page.evaluate(async (url) => {
      const opened = await carillon.open(url, { subprotocols: ['a', 'b'] });
      await opened.close();
      return opened.subprotocol;
    }, server.url);
    expect(chosen).toBe('b');
    expect((await openingError(server.url, { subprotocols: ['a'] })).code).not.toBe('');
  });

  it('says what it can of a failed opening', async () => {
    const refused = await openingError(`ws://127.0.0.1:${await refusingPort()}/room?token=hush`);
    expect(refused).toMatchObject({ code: 'CONNECT_FAILED', isConnectError: true });
    expect(refused.message).not.toContain('hush');
    await using refusing = await startWebSocketServer(undefined, { verifyClient: () => false });
    expect((await openingError(refusing.url)).code).toBe('CONNECT_FAILED');
    await using silent = await startTcpServer();
    const timedOut = await openingError(`ws://127.0.0.1:${silent.port}/`, { timeoutMs: 100 });
    expect(timedOut.code).toBe('OPEN_TIMEOUT');
    expect((await openingError('ftp://127.0.0.1/')).code).toBe('INVALID_URL');
  });

  it('refuses what a browser cannot do', async () => {
    for (const options of [{ headers: { A: 'b' } }, { tls: { rejectUnauthorized: false } }]) {
      const { code, message } = await openingError('ws://127.0.0.1:1/', options);
      expect(code).toBe('INVALID_OPTION');
      expect(message).toContain(`${Object.keys(options)[0]} is set`);
    }
  });

  it('closes for good with 4009 when nobody receives and the inbox is full', async () => {
    const codes: number[] = [];
    await using server = await startWebSocketServer((socket) => {
      socket.on('close', (code) => codes.push(code));
      for (let index = 0; index < 10; index++) socket.send('x'.repeat(436));
    });
    const { end, code, waiting } = await page.evaluate(async (url) => {
      const opened = await carillon.open(url, { inboxBytes: 2000, reconnect: { baseMs: 1 } });
      const { error, ...rest } = await opened.closed;
      let count = 0;
      for await (const message of opened) count += message.length === 436 ? 1 : 0;
      return { end: rest, code: error?.code, waiting: count };
    }, server.url);
    expect({ end, code }).toEqual({ end: { code: 4009, reason: 'inbox full' }, code: 'INBOX_FULL' });
    // Each counts 500 bytes.
    expect(waiting).toBe(4);
    await until(() => codes.length === 1);
    expect(codes).toEqual([4009]);
  });

  it('reconnects when the server was stopped and is started on the same port', async () => {
    const first = await startWebSocketServer(echo);
    await page.evaluate(async (url) => {
      globalThis.seen = [];
      const onState = (change: browserClient.StateChange): void => void seen.push(change);
      globalThis.client = await carillon.open(url, { reconnect: { baseMs: 20, capMs: 100 }, onState });
      client.send('one');
    }, first.url);
    expect(await page.evaluate(() => client.receive())).toBe('one');

    await first.stop();
    await until(() => page.evaluate(() => seen.length >= 4));
    expect(await page.evaluate(() => [client.state, client.send('lost')])).toEqual(['reconnecting', false]);

    await using second = await startWebSocketServer(echo, { port: first.port });
    await until(() => page.evaluate(() => client.state === 'open'));
    expect(await page.evaluate(() => client.send('two'))).toBe(true);
    expect(await page.evaluate(() => client.receive())).toBe('two');
    expect(second.clients.size).toBe(1);
    await page.evaluate(() => client.close());

    const changes = await page.evaluate(() => seen);
    expect(changes[0]).toEqual({ state: 'open', reconnected: false });
    expect(changes[1]).toMatchObject({ state: 'reconnecting', attempt: 1, end: { code: 1006 } });
    expect(changes.slice(-3)).toEqual([
      { state: 'open', reconnected: true },
      { state: 'closing' },
      { state: 'closed', end: { code: 1000, reason: '' } },
    ]);
  });
});
