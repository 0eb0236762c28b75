import { describe, expect, it } from 'vitest';
import { Metrics } from '../../src/metrics/metrics.ts';
import { deferred } from '../support/deferred.ts';
import { startGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';
import type { Connection } from '../../src/gateway/connection.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import type { HandshakeOptions } from '../../src/gateway/handshake-options.ts';

describe('a client that sends more than it may', () => {
  it('is closed with 4502 above its messages per second, after two seconds’ worth at once', async () => {
    const metrics = new Metrics();
    const received: string[] = [];
    const options: HandshakeOptions = { onMessage: (_, data) => void received.push(data.toString()) };
    await using started = await startGateway(options, { metrics, limits: { messagesPerSecond: 1 } });
    await using client = await TestClient.open(started.url);
    for (let i = 0; i < 10; i++) client.send(String(i));
    expect(await client.closed).toEqual({
      code: 4502,
      reason: 'more than 1 messages per second (limits.messagesPerSecond)',
    });
    expect(received).toEqual(['0', '1']);
    await until(() => metrics.counts.connections === 0);
    expect(metrics.counts.limitsExceeded.get('messages-per-second')).toBe(1);
    expect(metrics.counts.closes.get('4502')).toBe(1);
  });

  it('is closed with 4502 above its bytes per second; one long message after a rest is taken', async () => {
    const metrics = new Metrics();
    const lengths: number[] = [];
    const options: HandshakeOptions = { onMessage: (_, data) => void lengths.push(data.length) };
    await using started = await startGateway(options, { metrics, limits: { bytesPerSecond: 100 } });
    await using client = await TestClient.open(started.url);
    client.send('x'.repeat(100_000));
    client.send('y');
    expect(await client.closed).toEqual({
      code: 4502,
      reason: 'more than 100 bytes per second (limits.bytesPerSecond)',
    });
    expect(lengths).toEqual([100_000]);
    expect(metrics.counts.limitsExceeded.get('bytes-per-second')).toBe(1);
  });

  it.each(['ping', 'pong'] as const)('does not get by with %ss', async (kind) => {
    const metrics = new Metrics();
    await using started = await startGateway({}, { metrics, limits: { messagesPerSecond: 5 } });
    await using client = await TestClient.open(started.url);
    for (let i = 0; i < 20; i++) client.webSocket[kind]('');
    expect((await client.closed).code).toBe(4502);
  });

  it('does not get by with empty messages', async () => {
    await using started = await startGateway({}, { limits: { bytesPerSecond: 100 } });
    await using client = await TestClient.open(started.url);
    for (let i = 0; i < 100; i++) client.send('');
    expect((await client.closed).reason).toBe('more than 100 bytes per second (limits.bytesPerSecond)');
  });

  it('is closed in the pull mode too', async () => {
    const taken = deferred<readonly (string | undefined)[]>();
    await using started = await startGateway(
      { readEvents: false },
      { limits: { messagesPerSecond: 1 } },
      async (connection) => {
        const messages: (string | undefined)[] = [];
        do messages.push((await connection.receive())?.data.toString());
        while (messages.at(-1) !== undefined);
        taken.resolve(messages);
      },
    );
    await using client = await TestClient.open(started.url);
    for (let i = 0; i < 5; i++) client.send(String(i));
    expect((await client.closed).code).toBe(4502);
    expect(await taken.promise).toEqual(['0', '1', undefined]);
  });

  it('is held to the limits of its app where it has some, and to none by default', async () => {
    const limits: HandshakeOptions = {
      limits: { messagesPerSecond: 0 },
      onMessage: (connection, data) => connection.close(1000, data.toString()),
    };
    await using started = await startGateway(limits, { limits: { messagesPerSecond: 1 } });
    await using client = await TestClient.open(started.url);
    for (let i = 0; i < 100; i++) client.webSocket.ping('');
    client.send('bye');
    expect(await client.closed).toEqual({ code: 1000, reason: 'bye' });
  });

  it('counts as one that went over messageBytes when its message is too long', async () => {
    const metrics = new Metrics();
    await using started = await startGateway({}, { metrics, limits: { messageBytes: 100 } });
    await using client = await TestClient.open(started.url);
    client.send('x'.repeat(101));
    expect((await client.closed).code).toBe(1009);
    expect(metrics.counts.limitsExceeded.get('message-bytes')).toBe(1);
    await using other = await TestClient.open(started.url);
    other.webSocket.close(4503);
    await other.closed;
    await until(() => metrics.counts.connections === 0);
    // Whoever closes with a code of ours has not met our limit.
    expect(metrics.counts.closes).toEqual(
      new Map([
        ['1009', 1],
        ['4xxx', 1],
      ]),
    );
    expect(metrics.counts.limitsExceeded.get('message-bytes')).toBe(1);
  });
});

describe('a client that was not read for longer than the burst is for', () => {
  const limits = { messagesPerSecond: 100 };
  const sendMany = (client: TestClient, count: number): void => {
    for (let i = 0; i < count; i++) client.send('x');
  };
  /** The burst of two seconds, and 250 messages that were allowed meanwhile. */
  const pass = async (): Promise<void> => {
    const startedMs = performance.now();
    await until(() => performance.now() - startedMs >= 2_500);
  };

  it('may send what it was allowed meanwhile, where the app has paused it', async () => {
    let heard = 0;
    let connection: Connection | undefined;
    await using started = await startGateway({ onMessage: () => void heard++ }, { limits }, (made) => {
      connection = made;
      made.pause();
    });
    await using client = await TestClient.open(started.url);
    sendMany(client, 400);
    await pass();
    connection?.resume();
    await until(() => heard === 400);
    // And no more than that.
    sendMany(client, 400);
    expect((await client.closed).code).toBe(4502);
  });

  it('may so where too much of it was under way', async () => {
    const metrics = new Metrics();
    const ended = deferred<void>();
    let heard = 0;
    const onMessage = (): Promise<void> => {
      heard++;
      return ended.promise;
    };
    await using started = await startGateway({ onMessage }, { metrics, limits });
    await using client = await TestClient.open(started.url);
    sendMany(client, 65);
    await until(() => metrics.counts.connectionsHeld === 1);
    await pass();
    sendMany(client, 300);
    ended.resolve();
    await until(() => heard === 365);
    expect(client.webSocket.readyState).toBe(1);
  });

  it('may so where the app did not ask for messages', async () => {
    let connection: Connection | undefined;
    await using started = await startGateway({ readEvents: false }, { limits }, (made) => {
      connection = made;
    });
    await using client = await TestClient.open(started.url);
    sendMany(client, 400);
    await pass();
    for (let i = 0; i < 400; i++) expect(await connection?.receive()).toBeDefined();
  });
});

describe('a connection that is put in more subscriptions than it may be in', () => {
  const start = async (connection: Connection, gateway: Gateway): Promise<void> => {
    const subscribed = await Promise.all(['a', 'b', 'a'].map((name) => gateway.subscribe(connection, name)));
    expect(subscribed.every((each) => each !== undefined)).toBe(true);
    gateway.send(connection, 'in');
  };

  it('is closed with 4503', async () => {
    const metrics = new Metrics();
    let third: Promise<unknown> | undefined;
    const onMessage: HandshakeOptions['onMessage'] = (connection) => {
      third = started.gateway.subscribe(connection, 'c');
    };
    await using started = await startGateway({ onMessage }, { metrics, limits: { subscriptions: 2 } }, start);
    await using client = await TestClient.open(started.url);
    expect(await client.next()).toBe('in');
    client.send('once more');
    expect(await client.closed).toEqual({ code: 4503, reason: 'more than 2 subscriptions (limits.subscriptions)' });
    expect(await third).toBeUndefined();
    await until(() => metrics.counts.subscribers === 0);
    expect(metrics.counts.limitsExceeded.get('subscriptions')).toBe(1);
  });

  it('is not when it has left one', async () => {
    const onMessage: HandshakeOptions['onMessage'] = async (connection) => {
      started.gateway.unsubscribe(connection, 'a');
      await started.gateway.subscribe(connection, 'c');
      started.gateway.send(connection, 'in');
    };
    await using started = await startGateway({ onMessage }, { limits: { subscriptions: 2 } }, start);
    await using client = await TestClient.open(started.url);
    expect(await client.next()).toBe('in');
    client.send('once more');
    expect(await client.next()).toBe('in');
  });
});
