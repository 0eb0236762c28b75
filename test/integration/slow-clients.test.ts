import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/gateway/connection.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { maskedFrame, RawClient } from '../support/raw-client.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

describe('a client that stops reading', () => {
  it('is closed with 1013 when its outbox is over the cap; the others get everything and memory stays bounded', async () => {
    const metrics = new Metrics();
    const limits = { messageBytes: 1_000, outboxBytes: 1_000_000 };
    await using started = await startGateway({}, { metrics, limits }, (connection, gateway) =>
      gateway.subscribe(connection, 'flood'),
    );
    await using stalled = await TestClient.open(started.url);
    stalled.webSocket.pause();
    await using reader = await TestClient.open(started.url);
    await until(() => metrics.counts.subscribers === 2);
    const message = 'x'.repeat(50_000);
    let most = 0;
    for (let i = 0; i < 400; i++) {
      await started.gateway.multicast('flood', `${i} ${message}`);
      expect(await reader.next()).toBe(`${i} ${message}`);
      for (const connection of started.gateway.connections.values()) most = Math.max(most, connection.bufferedBytes);
    }
    expect(metrics.counts.slowConsumers).toBe(1);
    expect(metrics.counts.limitsExceeded.get('outbox-bytes')).toBe(1);
    // What the socket had taken before the cap was met, and a close frame.
    expect(most).toBeLessThanOrEqual(limits.outboxBytes + 125);
    stalled.webSocket.resume();
    expect(await stalled.closed).toEqual({ code: 1013, reason: 'slow consumer: more than 1000000 bytes were waiting' });
  });

  it('is ended after the close timeout when it never reads the close frame', async () => {
    const metrics = new Metrics();
    await using started = await startGateway(
      {},
      { metrics, closeTimeoutMs: 50, limits: { messageBytes: 1_000, outboxBytes: 100_000 } },
    );
    await using stalled = await RawClient.open(started.port);
    stalled.socket.pause();
    const [connection] = started.gateway.connections.values();
    if (connection === undefined) throw new Error('no connection');
    await until(() => !started.gateway.send(connection, Buffer.alloc(50_000)));
    await until(() => started.gateway.connections.size === 0);
    expect(metrics.counts.closes.get('1013')).toBe(1);
  });
});

describe('an app that acts when all was taken', () => {
  const frame = (text: string): Buffer => Buffer.concat([Buffer.from([0x81, 126, 0x02, 0x58]), Buffer.from(text)]);
  const [first, second] = ['x'.repeat(600), 'y'.repeat(600)];
  const limits = { messageBytes: 1_000, outboxBytes: 1_024 };

  /** Two messages in one turn that do not fit together: the first goes out so that there is room for the second. */
  async function received(onDrain: (connection: Connection, gateway: Gateway) => void): Promise<Buffer> {
    let drains = 0;
    await using started: StartedGateway = await startGateway(
      {
        onMessage: (connection) => {
          expect(started.gateway.send(connection, first)).toBe(true);
          expect(started.gateway.send(connection, second)).toBe(true);
        },
        onDrain: (connection) => {
          if (drains++ === 0) onDrain(connection, started.gateway);
          else connection.close(1000);
        },
      },
      { limits, heartbeat: { intervalMs: 0 } },
    );
    await using client = await RawClient.open(started.port);
    client.write(maskedFrame(0x81, 'speak'));
    return await client.readToEnd();
  }

  it('closes behind what it had sent', async () => {
    const close = Buffer.from([0x88, 2, 0x03, 0xe8]);
    expect(await received((connection) => connection.close(1000))).toEqual(
      Buffer.concat([frame(first), frame(second), close]),
    );
  });

  it('sends behind what it had sent', async () => {
    const bytes = await received((connection, gateway) => void gateway.send(connection, 'third'));
    expect(bytes.indexOf('third')).toBeGreaterThan(bytes.indexOf(second));
  });
});

describe('a client that reads', () => {
  it('is sent a message larger than the cap when nothing else waits for it', async () => {
    const limits = { messageBytes: 1_000, outboxBytes: 10_000 };
    await using started = await startGateway({}, { limits });
    await using client = await TestClient.open(started.url);
    const [connection] = started.gateway.connections.values();
    if (connection === undefined) throw new Error('no connection');
    for (let i = 0; i < 3; i++) {
      await until(() => connection.bufferedBytes === 0);
      expect(started.gateway.send(connection, 'x'.repeat(1_000_000))).toBe(true);
      expect((await client.next()).length).toBe(1_000_000);
    }
  });

  it('gets a pong for each of a thousand pings', async () => {
    await using started = await startGateway();
    await using client = await RawClient.open(started.port);
    client.write(...Array.from({ length: 1_000 }, () => maskedFrame(0x89, 'ping')));
    expect(await client.read(6_000)).toEqual(Buffer.from('\x8a\x04ping'.repeat(1_000), 'latin1'));
  });
});

describe('a client that pings and does not read', () => {
  it('is closed like any other that does not read', async () => {
    const metrics = new Metrics();
    const limits = { messageBytes: 1_000, outboxBytes: 10_000 };
    await using started = await startGateway({}, { metrics, limits, closeTimeoutMs: 100 });
    await using client = await RawClient.open(started.port);
    client.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 5_000 }, () => maskedFrame(0x89, Buffer.alloc(125))));
    const flood = (): void => {
      if (!client.socket.destroyed) client.socket.write(pings, () => setImmediate(flood));
    };
    flood();
    await until(() => metrics.counts.slowConsumers === 1);
    await until(() => started.gateway.connections.size === 0);
  });
});

describe('the heartbeat', () => {
  it('ends a half-open connection, which answers nothing, and keeps one that answers pings', async () => {
    const metrics = new Metrics();
    await using started = await startGateway({}, { metrics, heartbeat: { intervalMs: 800 } });
    await using live = await TestClient.open(started.url);
    let pings = 0;
    live.webSocket.on('ping', () => pings++);
    await using dead = await RawClient.open(started.port);
    await dead.ended;
    const before = pings;
    await until(() => pings > before + 1);
    expect(metrics.counts.heartbeatsMissed).toBe(1);
    expect(live.webSocket.readyState).toBe(live.webSocket.OPEN);
  });

  it('keeps a client that is slowly sending one long message and answers no ping', async () => {
    await using started = await startGateway(
      { onMessage: (connection, data, kind) => void started.gateway.send(connection, data, kind) },
      { heartbeat: { intervalMs: 800 } },
    );
    await using bystander = await TestClient.open(started.url);
    let pings = 0;
    bystander.webSocket.on('ping', () => pings++);
    await using slow = await RawClient.open(started.port);
    const frame = maskedFrame(0x81, 'slowly');
    for (let at = 0; at < frame.length; at += 3) {
      const before = pings;
      slow.write(frame.subarray(at, at + 3));
      await until(() => pings > before);
    }
    // The pings it did not answer, then the echo.
    await until(async () => (await slow.read(2)).equals(Buffer.from([0x81, 6])));
    expect((await slow.read(6)).toString()).toBe('slowly');
  });

  it('does not take a reader that pauses for a dead one', async () => {
    const metrics = new Metrics();
    await using started = await startGateway({ readEvents: false }, { metrics, heartbeat: { intervalMs: 200 } });
    await using client = await TestClient.open(started.url);
    let pings = 0;
    client.webSocket.on('ping', () => pings++);
    await until(() => pings > 3);
    expect(metrics.counts.heartbeatsMissed).toBe(0);
    expect(client.unread).toEqual([]);
  });
});
