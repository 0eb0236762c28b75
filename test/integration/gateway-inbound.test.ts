import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type CreateGatewayOptions, Metrics } from '../../src/index.ts';
import { everyTurn } from '../support/every-turn.ts';
import { handshakeRequest, maskedFrame, RawClient } from '../support/raw-client.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { TurnCount } from '../support/turn-count.ts';
import { until } from '../support/until.ts';

/** What one connection may have handled in a turn, and once more by the end of the turn in which it begins to wait. */
const mostInATurn = 2 * 64;

/** Much is sent, and the machine may have other work. */
const patiently = { deadlineMs: 45_000 };

/** Nothing is sent but what the test is about. */
const withoutPings: CreateGatewayOptions = { heartbeat: { intervalMs: 0 } };

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i).padStart(128, '0'));

describe('a client that floods', () => {
  it.each([
    ['synchronous', (): void => {}],
    ['asynchronous', async (): Promise<void> => {}],
  ])('has so much handled in a turn and no more, in order, when handlers are %s', async (_what, end) => {
    const turn = new TurnCount();
    const handled: string[] = [];
    await using started = await startGateway({
      onMessage: (_connection, data) => {
        turn.add();
        handled.push(data.toString());
        return end();
      },
    });
    await using client = await RawClient.open(started.port);
    const sent = numbered(20_000);
    client.write(...sent.map((text) => maskedFrame(0x81, text)));
    await until(() => handled.length === sent.length, patiently);
    expect(handled).toEqual(sent);
    expect(turn.most).toBeLessThanOrEqual(mostInATurn);
  });

  it('has fewer long messages handled in a turn', async () => {
    const turn = new TurnCount();
    let handled = 0;
    await using started = await startGateway({
      onMessage: () => {
        turn.add();
        handled++;
      },
    });
    await using client = await RawClient.open(started.port);
    const count = 500;
    client.write(...Array.from({ length: count }, () => maskedFrame(0x82, Buffer.alloc(32 * 1024))));
    await until(() => handled === count, patiently);
    expect(turn.most).toBeLessThanOrEqual(mostInATurn / 8);
  });

  it('does not keep the others waiting', async () => {
    let flooded = 0;
    await using started: StartedGateway = await startGateway({
      onMessage: (connection, data) => {
        if (data.length > 100) flooded++;
        else started.gateway.send(connection, data);
      },
    });
    await using flooder = await RawClient.open(started.port);
    await using other = await TestClient.open(started.url);
    const count = 100_000;
    flooder.write(Buffer.concat(Array.from({ length: count }, () => maskedFrame(0x82, Buffer.alloc(128)))));
    await until(() => flooded > 0);
    for (let i = 0; i < 20; i++) {
      const before = flooded;
      other.send(`${i}`);
      expect(String(await other.next())).toBe(`${i}`);
      expect(flooded - before).toBeLessThan(50 * mostInATurn);
    }
    expect(flooded).toBeLessThan(count);
    await until(() => flooded === count, patiently);
  });

  it('with pings is answered each of them, and does not keep the others waiting', async () => {
    const metrics = new Metrics();
    await using started: StartedGateway = await startGateway(
      { onMessage: (connection, data) => void started.gateway.send(connection, data) },
      { ...withoutPings, metrics },
    );
    await using flooder = await RawClient.open(started.port);
    await using other = await TestClient.open(started.url);
    const count = 300_000;
    const [connection] = started.gateway.connections.values();
    let mostHeld = 0;
    // Before the gateway's own callback at the end of a turn, which lets it be read again.
    using _watch = everyTurn(() => (mostHeld = Math.max(mostHeld, metrics.counts.connectionsHeld)));
    flooder.write(Buffer.concat(Array.from({ length: count }, () => maskedFrame(0x89, ''))));
    await until(() => (connection?.bytesSent ?? 0) > 1_000);
    other.send('still there?');
    expect(String(await other.next())).toBe('still there?');
    expect(connection?.bytesSent).toBeLessThan(2 * count);
    await flooder.read(2 * count);
    // Not read any further in a turn that had answered so many.
    expect(mostHeld).toBe(1);
  });
});

describe('one that floods a large room', () => {
  it('publishes no more while deliveries are late, so that nobody in it becomes a slow consumer', async () => {
    const metrics = new Metrics();
    await using started: StartedGateway = await startGateway(
      {
        onMessage: (connection, data) => void started.gateway.multicast('room', data, { exclude: [connection] }),
      },
      { metrics },
      (connection, gateway) => gateway.subscribe(connection, 'room'),
    );
    await using flooder = await RawClient.open(started.port);
    const subscribers = await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(started.port)));
    let heardBytes = 0;
    for (const { socket } of subscribers) {
      socket.removeAllListeners('data').on('data', (chunk) => (heardBytes += chunk.length));
      socket.write(handshakeRequest());
    }
    await until(() => metrics.counts.subscribers === subscribers.length + 1);
    const count = 400;
    const frame = maskedFrame(0x82, Buffer.alloc(16 * 1024));
    let mostBuffered = 0;
    const watch = setInterval(() => {
      for (const { bufferedBytes } of started.gateway.connections.values())
        mostBuffered = Math.max(mostBuffered, bufferedBytes);
    }, 1);
    flooder.write(Buffer.concat(Array.from({ length: count }, () => frame)));
    await until(() => heardBytes >= count * subscribers.length * 16 * 1024, patiently);
    clearInterval(watch);
    expect(metrics.counts).toMatchObject({ slowConsumers: 0, deliveries: count * subscribers.length });
    expect(mostBuffered).toBeLessThan(1024 * 1024);
    await Promise.all(subscribers.map((client) => client[Symbol.asyncDispose]()));
  });
});

describe('what was read before a close', () => {
  const packet = (count: number): Buffer => Buffer.concat(numbered(count).map((text) => maskedFrame(0x81, text)));
  const closeFrame = maskedFrame(0x88, Buffer.from([0x03, 0xe8]));

  it('is handled and answered before the close, however much that is', async () => {
    const happened: string[] = [];
    await using started: StartedGateway = await startGateway(
      {
        onMessage: (connection, data) => {
          happened.push('message');
          started.gateway.send(connection, data);
        },
        onClose: () => void happened.push('close'),
      },
      withoutPings,
    );
    await using client = await RawClient.open(started.port);
    client.write(packet(400), closeFrame);
    const received = await client.readToEnd();
    expect(received.length).toBe(400 * (4 + 128) + 4);
    await until(() => happened.length === 401);
    expect(happened.indexOf('close')).toBe(400);
  });

  it('is handled where the client is simply gone, and before onClose, however long that takes', async () => {
    const happened: string[] = [];
    const settle: (() => void)[] = [];
    await using started = await startGateway({
      onMessage: () => {
        happened.push('message');
        return new Promise<void>((resolve) => settle.push(resolve));
      },
      onClose: () => void happened.push('close'),
    });
    const client = await RawClient.open(started.port);
    client.write(packet(300));
    await until(() => settle.length === 64);
    await client[Symbol.asyncDispose]();
    // Held as it is, nobody hears of the end; as it goes on, everything is heard.
    await until(() => {
      for (const each of settle.splice(0)) each();
      return happened.length === 301;
    });
    expect(happened.indexOf('close')).toBe(300);
    expect(started.gateway.connections.size).toBe(0);
  });

  it('has one onClose, also where a handler fails after the client has gone while others wait', async () => {
    const fail: ((error: Error) => void)[] = [];
    let closes = 0;
    const metrics = new Metrics();
    await using started = await startGateway(
      {
        onMessage: () => new Promise<void>((_resolve, reject) => fail.push(reject)),
        onClose: () => void closes++,
      },
      { metrics },
    );
    await using client = await RawClient.open(started.port);
    client.write(packet(100), closeFrame);
    await client.ended;
    await until(() => started.gateway.connections.size === 0);
    expect({ begun: fail.length, closes }).toEqual({ begun: 64, closes: 0 });
    fail[0]?.(new Error('too late'));
    await until(() => closes > 0);
    for (const each of fail) each(new Error('even later'));
    // Whoever was still to come back would have done so by the answer to somebody else.
    await using other = await RawClient.open(started.port);
    other.write(maskedFrame(0x89, ''));
    await other.read(2);
    expect({ begun: fail.length, closes, held: metrics.counts.connectionsHeld }).toEqual({
      begun: 64,
      closes: 1,
      held: 0,
    });
  });

  it('is not handled any more once the app has terminated the connection', async () => {
    let handled = 0;
    const handledAtClose: number[] = [];
    await using started = await startGateway({
      onMessage: (connection) => {
        if (++handled === 100) connection.terminate();
      },
      onClose: () => void handledAtClose.push(handled),
    });
    await using client = await RawClient.open(started.port);
    client.write(packet(400));
    await client.ended;
    await until(() => handledAtClose.length > 0);
    expect({ handled, handledAtClose }).toEqual({ handled: 100, handledAtClose: [100] });
  });

  it('is not handled any more once the app has closed the connection', async () => {
    let handled = 0;
    await using started = await startGateway({
      onMessage: (connection) => {
        if (++handled === 100) connection.close(1000, 'enough');
      },
    });
    await using client = await RawClient.open(started.port);
    client.write(packet(400));
    await until(() => handled === 100);
    client.write(closeFrame);
    await client.ended;
    expect(handled).toBe(100);
  });

  it('is not handled any more once a handler has failed', async () => {
    let handled = 0;
    const metrics = new Metrics();
    await using started = await startGateway(
      {
        onMessage: async () => {
          if (++handled === 10) throw new Error('the tenth is too much');
        },
      },
      { metrics },
    );
    await using client = await RawClient.open(started.port);
    client.write(packet(400), closeFrame);
    await client.ended;
    // Those that were under way by then, and no others.
    expect(handled).toBeLessThanOrEqual(64);
    expect(metrics.counts.appErrors).toBe(1);
  });
});

describe('compressed messages', () => {
  it('that come to more than may wait close the connection with 1009', async () => {
    const options: CreateGatewayOptions = {
      ...withoutPings,
      compression: { enabled: true, thresholdBytes: 100, level: 1 },
    };
    await using started = await startGateway({ onMessage: () => new Promise<void>(() => {}) }, options);
    const offer = 'Sec-WebSocket-Extensions: permessage-deflate';
    await using client = await RawClient.open(started.port, '/', [offer]);
    const bomb = deflateRawSync(Buffer.alloc(1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH });
    const frames = Array.from({ length: 30 }, () => maskedFrame(0xc2, bomb.subarray(0, -4)));
    client.write(...numbered(64).map((text) => maskedFrame(0x81, text)), ...frames);
    const answer = await client.readToEnd();
    expect(answer.readUInt16BE(2)).toBe(1009);
    expect(answer.toString('latin1', 4)).toContain('compressed messages');
  });
});
