import { describe, expect, it } from 'vitest';
import { echoApp } from '../../src/apps/echo/echo.ts';
import { EchoReader } from '../../src/apps/echo/echo-reader.ts';
import { mountSocketApp } from '../../src/apps/mount-socket-app.ts';
import type { AppOptions } from '../../src/apps/app-options.ts';
import { httpGet } from '../support/http-get.ts';
import { maskedFrame, RawClient } from '../support/raw-client.ts';
import { startSite, type StartedSite } from '../support/start-site.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

function startEcho(options: Partial<AppOptions> = {}): Promise<StartedSite> {
  return startSite({ mount: (context) => echoApp.mount(context, { urls: ['/echo'], ...options }) });
}

const urlOf = (site: StartedSite): string => `ws://127.0.0.1:${site.port}/echo`;

describe('echo', () => {
  it('returns text as text and binary as binary, in order', async () => {
    await using site = await startEcho();
    await using client = await TestClient.open(urlOf(site));
    const messages = ['hello', '', 'ünïcode ☂', Buffer.from([0, 255, 128]), Buffer.alloc(0), 'x'.repeat(200_000)];
    for (const message of messages) client.send(message);
    expect(await client.take(messages.length)).toEqual(messages);
  });

  it('answers what came in one packet with the close frame', async () => {
    await using site = await startEcho();
    await using client = await RawClient.open(site.port, '/echo');
    client.write(maskedFrame(0x81, 'one'), maskedFrame(0x82, 'two'), maskedFrame(0x88, Buffer.from([0x03, 0xe8])));
    expect(await client.readToEnd()).toEqual(Buffer.from('\x81\x03one\x82\x03two\x88\x02\x03\xe8', 'latin1'));
  });

  it('has no page', async () => {
    await using site = await startEcho();
    expect(await httpGet(`${site.origin}/echo`, { Accept: 'text/html' })).toMatchObject({ status: 426 });
    expect(await httpGet(`${site.origin}/echo/page.js`)).toMatchObject({ status: 404 });
  });

  it('slows down a client that sends much and reads late, and loses nothing', async () => {
    // Twenty times what may wait for a client.
    await using site = await startEcho({ limits: { outboxBytes: 1024 * 1024 } });
    await using client = await TestClient.open(urlOf(site));
    client.webSocket.pause();
    const messages = Array.from({ length: 1_000 }, (_, index) => Buffer.alloc(20_000, index % 251));
    for (const message of messages) client.send(message);
    const [connection] = site.gateway.connections.values();
    // Paused at 256 KiB; some of it the kernel may take afterwards.
    await until(() => (connection?.bufferedBytes ?? 0) > 64 * 1024);
    expect(connection?.bufferedBytes).toBeLessThan(512 * 1024);
    client.webSocket.resume();
    expect(Buffer.concat((await client.take(1_000)) as Buffer[]).equals(Buffer.concat(messages))).toBe(true);
    expect(client.webSocket.readyState).toBe(1);
    expect(site.metrics.counts.slowConsumers).toBe(0);
  });

  it('closes a client that takes nothing for long', async () => {
    const reader = new EchoReader(100);
    await using site = await startSite({
      mount: (context) =>
        mountSocketApp(
          context,
          '/echo',
          { urls: ['/echo'] },
          {
            accept: (request, entry) =>
              void context.gateway.handshake(
                request,
                {
                  onMessage: (connection, data, kind) => {
                    context.gateway.send(connection, data, kind);
                    reader.sent(connection);
                  },
                  onDrain: (connection) => reader.drained(connection),
                  onClose: (connection) => reader.closed(connection),
                },
                entry,
              ),
          },
        ),
    });
    await using client = await TestClient.open(urlOf(site));
    client.webSocket.pause();
    for (let i = 0; i < 1_000; i++) client.send(Buffer.alloc(20_000));
    await until(() => site.lines.length === 1);
    expect(site.lines[0]).toMatch(/ 1013 \S+\n$/);
    expect(reader.paused).toBe(0);
  });
});
