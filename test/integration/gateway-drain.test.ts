import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/gateway/connection.ts';
import type { HandshakeOptions } from '../../src/gateway/handshake-options.ts';
import { MemoryBroker, type Publication } from '../../src/index.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { deferred } from '../support/deferred.ts';
import { RawClient, maskedFrame } from '../support/raw-client.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** The gateway has no connection any more, and has had the time to go on. */
async function allGone({ gateway }: StartedGateway): Promise<void> {
  await until(() => gateway.connections.size === 0);
  await new Promise((resolve) => setImmediate(resolve));
}

describe('a gateway that drains', () => {
  it('sends a client what waits for it before the close frame', async () => {
    const large = 'x'.repeat(256 * 1024);
    await using started = await startGateway({}, { closeTimeoutMs: 20_000 });
    await using client = await TestClient.open(started.url);
    client.webSocket.pause();
    const [connection] = started.gateway.connections.values();
    let sent = 0;
    // Until the kernel takes no more.
    while (connection !== undefined && connection.bufferedBytes < 4 * large.length && sent < 100) {
      started.gateway.send(connection, `${sent++} ${large}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(connection?.bufferedBytes).toBeGreaterThan(0);
    await started.gateway.drain(0);
    client.webSocket.resume();
    expect((await client.closed).code).toBe(1012);
    expect(client.unread.map((message) => Number.parseInt(String(message)))).toEqual([...Array(sent).keys()]);
  });

  it('still hears what a client sends until it has heard of the close', async () => {
    const heard: string[] = [];
    await using started = await startGateway({ onMessage: (_, data) => void heard.push(data.toString()) });
    await using client = await RawClient.open(started.port);
    await started.gateway.drain(0);
    const [first, , ...code] = await client.read(4);
    expect([first, Buffer.from(code).readUInt16BE()]).toEqual([0x88, 1012]);
    client.write(maskedFrame(0x81, 'on its way'), maskedFrame(0x81, 'this too'));
    client.write(maskedFrame(0x88, Buffer.from([0x03, 0xf4])));
    await client.ended;
    expect(heard).toEqual(['on its way', 'this too']);
  });

  it('hears all of it, also of a client that is faster than it may be, which counts for nothing now', async () => {
    const heard: string[] = [];
    const metrics = new Metrics();
    const onMessage: HandshakeOptions['onMessage'] = (_, data) => void heard.push(data.toString());
    await using started = await startGateway({ onMessage }, { metrics, limits: { messagesPerSecond: 1 } });
    await using client = await RawClient.open(started.port);
    await started.gateway.drain(0);
    const texts = Array.from({ length: 10 }, (_, number) => String(number));
    client.write(...texts.map((text) => maskedFrame(0x81, text)), maskedFrame(0x88, Buffer.from([0x03, 0xf4])));
    await client.ended;
    expect(heard).toEqual(texts);
    expect(metrics.counts.limitsExceeded.get('messages-per-second')).toBe(0);
  });

  it('handles what waits for a handler to end', async () => {
    const heard: string[] = [];
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await using started = await startGateway({
      onMessage: async (_: Connection, data) => {
        heard.push(data.toString());
        await released;
      },
    });
    await using client = await TestClient.open(started.url);
    const texts = Array.from({ length: 200 }, (_, number) => String(number));
    for (const text of texts) client.send(text);
    await until(() => heard.length === 64);
    await started.gateway.drain(0);
    release();
    expect((await client.closed).code).toBe(1012);
    await until(() => heard.length === texts.length);
    expect(heard).toEqual(texts);
  });

  it.each([
    ['are leaving', false],
    ['have left', true],
  ])('handles what waits of clients that %s before a close lets go of the broker', async (_, silentLeaves) => {
    const release = deferred<void>();
    const published: string[] = [];
    const heard: string[] = [];
    const texts = Array.from({ length: 200 }, (_, number) => String(number));
    const onMessage = async (_: Connection, data: Buffer): Promise<void> => {
      heard.push(data.toString());
      await release.promise;
      await started.gateway.multicast('room', data);
      published.push(data.toString());
    };
    await using started: StartedGateway = await startGateway({ onMessage }, { closeTimeoutMs: 20_000 });
    for (const leaves of [false, true]) {
      await using client = await TestClient.open(started.url);
      for (const text of texts) client.send(text);
      if (leaves) client.webSocket.close();
    }
    await using silent = await RawClient.open(started.port);
    silent.write(...texts.map((text) => maskedFrame(0x81, text)));
    await until(() => heard.length === 3 * 64);
    await started.gateway.drain(0);
    const closed = started.gateway.close();
    if (silentLeaves) {
      silent.write(maskedFrame(0x88, Buffer.from([0x03, 0xf4])));
      await allGone(started);
    }
    release.resolve();
    await until(() => published.length === 3 * texts.length);
    if (!silentLeaves) silent.write(maskedFrame(0x88, Buffer.from([0x03, 0xf4])));
    await closed;
    for (const text of texts) expect(published.filter((one) => one === text)).toHaveLength(3);
  });

  it('lets the broker settle what was published, whether a handler waited for that or not', async () => {
    const release = deferred<void>();
    const steps: string[] = [];
    class SlowBroker extends MemoryBroker {
      override async publish(publication: Publication): ReturnType<MemoryBroker['publish']> {
        steps.push('publishing');
        await release.promise;
        const position = await super.publish(publication);
        steps.push('published');
        return position;
      }

      override async close(): Promise<void> {
        steps.push('closing');
        await super.close();
      }
    }
    await using started: StartedGateway = await startGateway(
      { onMessage: (_, data) => void started.gateway.multicast('room', data) },
      { broker: new SlowBroker(), closeTimeoutMs: 20_000 },
    );
    await using client = await TestClient.open(started.url);
    client.send('one');
    await until(() => steps.length === 1);
    const closed = started.gateway.close();
    expect((await client.closed).code).toBe(1001);
    await allGone(started);
    release.resolve();
    await closed;
    expect(steps).toEqual(['publishing', 'published', 'closing']);
  });

  it('closes in time whatever a handler does', async () => {
    const never = deferred<void>();
    await using started = await startGateway({ onMessage: () => never.promise }, { closeTimeoutMs: 50 });
    await using client = await TestClient.open(started.url);
    client.send('one');
    await started.gateway.drain(0);
    await started.gateway.close();
  });

  it('closes who has come since it was over, if asked to', async () => {
    await using started = await startGateway();
    await started.gateway.drain(0);
    await using late = await TestClient.open(started.url);
    await started.gateway.drain(0);
    expect((await late.closed).code).toBe(1012);
  });

  it('is ended by a close, which says farewell to the rest with 1001', async () => {
    await using started = await startGateway();
    const clients = await Promise.all(Array.from({ length: 4 }, () => TestClient.open(started.url)));
    const drained = started.gateway.drain(3_600_000);
    const first = await Promise.race(clients.map(({ closed }) => closed));
    expect(first.code).toBe(1012);
    await started.gateway.close();
    await drained;
    const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
    expect(codes.toSorted((a, b) => a - b)).toEqual([1001, 1001, 1001, 1012]);
  });
});
