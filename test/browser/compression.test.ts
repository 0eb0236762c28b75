import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countCompressions } from '../support/count-compressions.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';

declare global {
  /** The page's sockets, and what each was told in order. */
  var sockets: { readonly socket: WebSocket; readonly heard: (string | number)[] }[];
}

const sizes = [10, 200, 5_000, 100_000, 2_000_000];

let browser: Browser;
let pageServer: Server;
let page: Page;
let started: StartedGateway;

beforeAll(async () => {
  started = await startGateway(
    { onMessage: (connection, data, kind) => void started.gateway.send(connection, data, kind) },
    {
      compression: { enabled: true, thresholdBytes: 100, level: 1 },
      limits: { messageBytes: 4_000_000, outboxBytes: 16_000_000 },
    },
    (connection, gateway) => gateway.subscribe(connection, 'room'),
  );
  pageServer = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>compression</title>');
  });
  await new Promise<void>((resolve) => pageServer.listen(0, '127.0.0.1', resolve));
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(pageServer.address() as AddressInfo).port}/`);
  await page.evaluate(async (url) => {
    globalThis.sockets = [];
    for (let i = 0; i < 3; i++) {
      const socket = new WebSocket(url);
      const heard: (string | number)[] = [];
      socket.binaryType = 'arraybuffer';
      socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
        heard.push(typeof data === 'string' ? data : data.byteLength);
      });
      globalThis.sockets.push({ socket, heard });
      await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
    }
  }, started.url);
});
afterAll(async () => {
  await browser?.close();
  pageServer?.closeAllConnections();
  await new Promise((resolve) => pageServer?.close(resolve));
  await started?.[Symbol.asyncDispose]();
});

/** What each socket of the page has heard, once it is so many messages; they are forgotten there. */
function heard(count: number): Promise<(string | number)[][]> {
  return page
    .waitForFunction((wanted) => globalThis.sockets.every((each) => each.heard.length >= wanted), count)
    .then(() => page.evaluate(() => globalThis.sockets.map((each) => each.heard.splice(0))));
}

const textOf = (size: number): string => `{"size":${size},"words":"`.padEnd(size, 'the quick brown fox ');

describe('in Chromium', () => {
  it('is agreed on', async () => {
    const extensions = await page.evaluate(() => globalThis.sockets.map(({ socket }) => socket.extensions));
    for (const extension of extensions) {
      expect(extension).toContain('permessage-deflate');
      expect(extension).toContain('server_no_context_takeover');
    }
  });

  it('one multicast is compressed once and read by every socket, of whatever size, one after the other', async () => {
    using compressions = countCompressions();
    for (const size of sizes) await started.gateway.multicast('room', textOf(size));
    const expected = sizes.map(textOf);
    expect(await heard(sizes.length)).toEqual([expected, expected, expected]);
    expect(compressions.windowBits.length).toBe(sizes.filter((size) => size >= 100).length);
  });

  it('what the page sends is understood, and comes back', async () => {
    await page.evaluate((texts) => {
      for (const { socket } of globalThis.sockets) {
        for (const text of texts) socket.send(text);
        socket.send(new Uint8Array(70_000));
      }
    }, sizes.map(textOf));
    const expected = [...sizes.map(textOf), 70_000];
    expect(await heard(expected.length)).toEqual([expected, expected, expected]);
  });
});
