import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BrokerClosedError,
  BrokerUnavailableError,
  CapabilityError,
  createGateway,
  everyone,
  SubscriptionNameError,
} from '../../src/index.ts';
import type { Connection } from '../../src/gateway/connection.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import type { Log } from '../../src/lib/log.ts';
import { Severities } from '../../src/lib/severities.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { FaultyBroker, unavailable } from '../support/faulty-broker.ts';
import { handshakeRequest, RawClient } from '../support/raw-client.ts';
import { startGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { deferred } from '../support/deferred.ts';
import { until } from '../support/until.ts';

const theOnly = (gateway: Gateway): Connection => {
  const [connection] = gateway.connections.values();
  if (connection === undefined) throw new Error('no connection');
  return connection;
};

describe('a gateway', () => {
  it('that cannot start leaves nothing running', async () => {
    const broker = new FaultyBroker();
    broker.beforeSubscribe = unavailable;
    await expect(createGateway({ broker })).rejects.toBeInstanceOf(BrokerUnavailableError);
    broker.beforeSubscribe = undefined;
    await expect(broker.subscribe(['anything'])).rejects.toBeInstanceOf(BrokerClosedError);
  });

  it.each([
    ['that has succeeded', false],
    ['that is under way', true],
  ])('keeps a subscription when one call fails beside another %s', async (_which, failsFirst) => {
    const broker = new FaultyBroker();
    const { enter } = broker.presence;
    const entering = deferred<undefined>();
    const subscribing = deferred<undefined>();
    broker.presence.enter = async (name, member) => {
      if (name !== 'room') return await enter(name, member);
      await entering.promise;
      if (member.info === '"fails"') unavailable();
    };
    await using started = await startGateway({}, { broker });
    const { gateway } = started;
    await using client = await TestClient.open(started.url);
    const connection = theOnly(gateway);
    broker.beforeSubscribe = () => subscribing.promise;
    const failing = expect(gateway.subscribe(connection, 'room', { presence: '"fails"' })).rejects.toBeInstanceOf(
      BrokerUnavailableError,
    );
    const held = deferred<undefined>();
    if (failsFirst) {
      const other = broker.presence.enter;
      broker.presence.enter = async (name, member) => {
        if (member.info === '"holds"') await held.promise;
        else await other(name, member);
      };
    }
    const succeeding = gateway.subscribe(connection, 'room', failsFirst ? { presence: '"holds"' } : {});
    subscribing.resolve(undefined);
    if (!failsFirst) expect(await succeeding).toBeDefined();
    entering.resolve(undefined);
    await failing;
    held.resolve(undefined);
    expect(await succeeding).toBeDefined();
    await gateway.multicast('room', 'hello');
    expect(await client.next()).toBe('hello');
  });

  it('answers a message with text as text and binary as binary', async () => {
    await using started = await startGateway({
      onMessage: (connection, data, kind) => void started.gateway.send(connection, data, kind),
    });
    await using client = await TestClient.open(started.url);
    client.send('grüße');
    client.send(Buffer.from([0, 255, 1]));
    expect(await client.take(2)).toEqual(['grüße', Buffer.from([0, 255, 1])]);
  });

  it('is understood by an independent client, whatever the data', async () => {
    await using started = await startGateway();
    await using client = await TestClient.open(started.url);
    const connection = theOnly(started.gateway);
    const data = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 70_000, size: 'max' }));
    await fc.assert(
      fc.asyncProperty(fc.array(data, { minLength: 1, maxLength: 20 }), async (values) => {
        const messages = values.map((value) => (typeof value === 'string' ? value : Buffer.from(value)));
        for (const message of messages) started.gateway.send(connection, message);
        for (const message of messages) {
          const received = await client.next();
          expect(typeof received).toBe(typeof message);
          expect(Buffer.from(received as string).equals(Buffer.from(message as string))).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('multicasts to every subscriber but the excluded, in order', async () => {
    await using started = await startGateway({}, {}, (connection, gateway) => gateway.subscribe(connection, 'room'));
    await using a = await TestClient.open(started.url);
    const first = theOnly(started.gateway);
    await using b = await TestClient.open(started.url);
    await started.gateway.multicast('room', 'one');
    await started.gateway.multicast('room', 'not for the first', { exclude: [first] });
    await started.gateway.multicast('room', 'two');
    expect(await b.take(3)).toEqual(['one', 'not for the first', 'two']);
    expect(await a.take(2)).toEqual(['one', 'two']);
  });

  it('delivers what is multicast after subscribe has resolved', async () => {
    await using started = await startGateway();
    await using client = await TestClient.open(started.url);
    await started.gateway.subscribe(theOnly(started.gateway), 'news');
    await started.gateway.multicast('news', 'fresh');
    expect(await client.next()).toBe('fresh');
  });

  it('stops delivering after unsubscribe and leaves the connection open', async () => {
    await using started = await startGateway({}, {}, (connection, gateway) => gateway.subscribe(connection, 'room'));
    await using client = await TestClient.open(started.url);
    const connection = theOnly(started.gateway);
    started.gateway.unsubscribe(connection, 'room');
    await started.gateway.multicast('room', 'unheard');
    started.gateway.send(connection, 'heard');
    expect(await client.next()).toBe('heard');
  });

  it('reaches every connection through the reserved subscription "all"', async () => {
    await using started = await startGateway();
    await using a = await TestClient.open(started.url);
    await using b = await TestClient.open(started.url);
    await started.gateway.multicast(everyone, 'hear, hear');
    expect([await a.next(), await b.next()]).toEqual(['hear, hear', 'hear, hear']);
    await expect(started.gateway.subscribe(theOnly(started.gateway), everyone)).rejects.toThrow(SubscriptionNameError);
  });

  it('refuses an empty subscription name', async () => {
    await using started = await startGateway();
    await using client = await TestClient.open(started.url);
    await expect(started.gateway.subscribe(theOnly(started.gateway), '')).rejects.toThrow(SubscriptionNameError);
    await expect(started.gateway.multicast('', 'x')).rejects.toThrow(SubscriptionNameError);
    expect(client.unread).toEqual([]);
  });

  it('takes a closed connection out of its subscriptions by itself', async () => {
    const metrics = new Metrics();
    await using started = await startGateway({}, { metrics }, (connection, gateway) =>
      gateway.subscribe(connection, 'room'),
    );
    await using client = await TestClient.open(started.url);
    await until(() => metrics.counts.subscriptions === 1);
    const connection = theOnly(started.gateway);
    client.webSocket.close(1000);
    await client.closed;
    await until(() => started.gateway.connections.size === 0);
    expect(metrics.counts).toMatchObject({ connections: 0, subscriptions: 0, subscribers: 0 });
    expect(started.gateway.send(connection, 'late')).toBe(false);
    expect(await started.gateway.subscribe(connection, 'room')).toBeUndefined();
    expect(await started.gateway.updatePresence(connection, 'room', '{}')).toBe(false);
  });

  it('takes a connection that broke off out of its subscriptions by itself', async () => {
    const metrics = new Metrics();
    await using started = await startGateway({}, { metrics }, (connection, gateway) =>
      gateway.subscribe(connection, 'room'),
    );
    await using client = await RawClient.open(started.port);
    await until(() => metrics.counts.subscriptions === 1);
    client.socket.resetAndDestroy();
    await until(() => metrics.counts.subscriptions === 0);
    expect(metrics.counts.closes.get('1006')).toBe(1);
  });

  it('sends what was said before a close ahead of the close frame', async () => {
    await using started = await startGateway({
      onMessage: (connection) => {
        for (let i = 0; i < 100; i++) started.gateway.send(connection, `${i}`);
        connection.close(1000, 'done');
      },
    });
    await using client = await TestClient.open(started.url);
    client.send('go');
    expect(await client.take(100)).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    expect(await client.closed).toEqual({ code: 1000, reason: 'done' });
  });

  it('answers a message that was followed by a close frame in the same packet', async () => {
    await using started = await startGateway({
      onMessage: (connection, data, kind) => void started.gateway.send(connection, data, kind),
    });
    await using client = await RawClient.open(started.port);
    // Masked with zeros: "Hi" as text, then close 1000.
    client.write([0x81, 0x82, 0, 0, 0, 0], 'Hi', [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
    expect(await client.readToEnd()).toEqual(Buffer.from([0x81, 2, 0x48, 0x69, 0x88, 2, 0x03, 0xe8]));
  });

  it('tells the app the code and reason a client closed with', async () => {
    const closes: unknown[] = [];
    await using started = await startGateway({
      onClose: (_connection, code, reason) => void closes.push([code, reason]),
    });
    await using client = await TestClient.open(started.url);
    client.webSocket.close(4001, 'bye');
    await until(() => closes.length === 1);
    expect(closes).toEqual([[4001, 'bye']]);
  });

  it('refuses a close code that may not be sent and cuts a reason that does not fit', async () => {
    await using started = await startGateway();
    await using client = await TestClient.open(started.url);
    const connection = theOnly(started.gateway);
    expect(() => connection.close(1006)).toThrow('close code 1006: expected 1000-1003');
    expect(connection.open).toBe(true);
    connection.close(4000, 'ö'.repeat(100));
    expect(await client.closed).toEqual({ code: 4000, reason: 'ö'.repeat(61) });
  });

  it('closes only the connection whose handler throws or rejects, with 1011', async () => {
    const errors: unknown[] = [];
    const log: Log = { error: (fields) => void errors.push(fields.event), warn() {}, info() {}, debug() {} };
    await using started = await startGateway(
      {
        onMessage: async (connection, data) => {
          if (data.toString() === 'throw') throw new Error('on purpose');
          await Promise.resolve();
          if (data.toString() === 'reject') throw new Error('on purpose');
          started.gateway.send(connection, 'fine');
        },
      },
      { log },
    );
    await using a = await TestClient.open(started.url);
    await using b = await TestClient.open(started.url);
    await using c = await TestClient.open(started.url);
    a.send('throw');
    b.send('reject');
    expect((await a.closed).code).toBe(1011);
    expect((await b.closed).code).toBe(1011);
    c.send('still there?');
    expect(await c.next()).toBe('fine');
    expect(errors).toEqual(['app-error', 'app-error']);
  });

  it('does not mind what a handler returns', async () => {
    // As a program without types may write it.
    const answer: unknown = (connection: Connection, data: Buffer) => started.gateway.send(connection, data);
    const started = await startGateway({ onMessage: answer as () => void });
    await using _stop = started;
    await using client = await TestClient.open(started.url);
    for (const byte of [1, 2]) {
      client.send(Buffer.from([byte]));
      expect(await client.next()).toEqual(Buffer.from([byte]));
    }
  });

  it('survives a close handler that throws or rejects', async () => {
    const metrics = new Metrics();
    await using started = await startGateway(
      {
        onClose: (_connection, code) => {
          if (code === 4000) throw new Error('on purpose');
          return Promise.reject(new Error('on purpose'));
        },
      },
      { metrics },
    );
    for (const code of [4000, 4001]) {
      await using client = await TestClient.open(started.url);
      client.webSocket.close(code);
      await client.closed;
    }
    await until(() => metrics.counts.appErrors === 2);
    await using client = await TestClient.open(started.url);
    expect(started.gateway.send(theOnly(started.gateway), 'alive')).toBe(true);
    expect(await client.next()).toBe('alive');
  });

  it('tells onDrain when everything sent has been taken', async () => {
    let drains = 0;
    await using started = await startGateway({ onDrain: () => void drains++ });
    await using client = await TestClient.open(started.url);
    const connection = theOnly(started.gateway);
    client.webSocket.pause();
    for (let i = 0; i < 20; i++) started.gateway.send(connection, Buffer.alloc(200_000));
    expect(connection.bufferedBytes).toBeGreaterThan(0);
    client.webSocket.resume();
    await until(() => drains > 0);
    await until(() => connection.bufferedBytes === 0);
  });

  it('goes away with 1001, and refuses handshakes from then on', async () => {
    await using started = await startGateway();
    await using client = await TestClient.open(started.url);
    const closing = started.gateway.close();
    await using late = await RawClient.connect(started.port);
    late.write(handshakeRequest());
    expect(await late.answer()).toMatch(/^HTTP\/1.1 503 /);
    expect(await client.closed).toEqual({ code: 1001, reason: 'the worker is stopping' });
    await closing;
  });

  it('does not wait for ever for a client that does not answer the farewell', async () => {
    const started = await startGateway({}, { closeTimeoutMs: 50 });
    await using client = await RawClient.open(started.port);
    await started[Symbol.asyncDispose]();
    await client.ended;
  });

  it('does not wait for ever for a client that had hung up its half and does not read', async () => {
    const started = await startGateway({}, { closeTimeoutMs: 100, heartbeat: { intervalMs: 0 } });
    await using client = await RawClient.open(started.port);
    client.socket.pause();
    const connection = theOnly(started.gateway);
    started.gateway.send(connection, Buffer.alloc(3_000_000));
    client.socket.end();
    await until(() => !connection.open);
    await started[Symbol.asyncDispose]();
  });

  it('survives a handshake that comes after the end and breaks off', async () => {
    await using started = await startGateway();
    await started.gateway.close();
    for (const reset of [true, false]) {
      await using late = await RawClient.connect(started.port);
      late.write(handshakeRequest());
      if (reset) late.socket.resetAndDestroy();
      await late.ended;
    }
  });

  it('closes a connection whose encoding or subprotocol cannot be chosen, and lives on', async () => {
    const metrics = new Metrics();
    const fail = (): never => {
      throw new Error('on purpose');
    };
    await using encoding = await startGateway({ encoding: fail }, { metrics });
    await using client = await RawClient.open(encoding.port);
    client.write([0xff, 0x00]);
    expect((await client.readToEnd()).readUInt16BE(2)).toBe(1011);
    await using subprotocols = await startGateway({ subprotocols: fail }, { metrics });
    await using other = await RawClient.connect(subprotocols.port);
    other.write(handshakeRequest('/', 'Sec-WebSocket-Protocol: x'));
    expect(await other.answer()).toMatch(/^HTTP\/1.1 500 /);
    expect(metrics.counts).toMatchObject({ appErrors: 2, connections: 0 });
  });

  it('takes no offence at an app that unsubscribes while it subscribes', async () => {
    const metrics = new Metrics();
    await using started = await startGateway(
      {
        onMessage: async (connection, data) => {
          if (data.toString() === 'join') await started.gateway.subscribe(connection, 'room', { presence: '1' });
          else if (data.toString() === 'leave') started.gateway.unsubscribe(connection, 'room');
          else started.gateway.send(connection, data, 'text');
        },
      },
      { metrics },
    );
    await using client = await TestClient.open(started.url);
    for (let i = 0; i < 20; i++) {
      client.send('join');
      client.send('leave');
    }
    client.send('still here');
    expect(await client.next()).toBe('still here');
    await until(() => metrics.counts.subscribers === 0);
    expect((await started.gateway.presence('room', 10)).members).toEqual([]);
    expect(metrics.counts).toMatchObject({ appErrors: 0, subscriptions: 0 });
  });

  it('reads no more from a client while 64 of its asynchronous handlers are under way, and keeps the order', async () => {
    const metrics = new Metrics();
    const release: (() => void)[] = [];
    const begun: string[] = [];
    await using started = await startGateway(
      {
        onMessage: async (_connection, data) => {
          begun.push(data.toString('latin1', 0, 6));
          await new Promise<void>((resolve) => release.push(resolve));
        },
      },
      { metrics },
    );
    await using client = await TestClient.open(started.url);
    const count = 3_000;
    for (let i = 0; i < count; i++) client.send(`${i}`.padStart(6, '0') + 'x'.repeat(10_000));
    await until(() => client.webSocket.bufferedAmount > 0 && begun.length === 64);
    expect(metrics.counts.messagesReceived).toBeLessThan(count / 2);
    await until(() => {
      expect(release.length).toBeLessThanOrEqual(64);
      for (const settle of release.splice(0)) settle();
      return begun.length === count;
    });
    for (const settle of release.splice(0)) settle();
    expect(begun).toEqual(Array.from({ length: count }, (_, i) => `${i}`.padStart(6, '0')));
  });

  it('writes debug lines only while their logger is switched on', async () => {
    const lines: unknown[] = [];
    const log: Log = { error() {}, warn() {}, info() {}, debug: (fields) => void lines.push(fields.event) };
    const severities = new Severities();
    await using started = await startGateway({}, { log, severities });
    await using quiet = await TestClient.open(started.url);
    severities.set({ 'carillon:handshake': true });
    await using traced = await TestClient.open(started.url);
    severities.set({ 'carillon:handshake': false });
    await using quietAgain = await TestClient.open(started.url);
    expect(lines).toEqual(['handshake']);
    expect([quiet, traced, quietAgain].length).toBe(3);
  });
});

describe('pull mode', () => {
  it('hands out messages one by one, in order, and undefined at the end', async () => {
    await using started = await startGateway({ readEvents: false });
    await using client = await TestClient.open(started.url);
    const connection = theOnly(started.gateway);
    for (let i = 0; i < 50; i++) client.send(`${i}`);
    client.webSocket.close(1000);
    const received: string[] = [];
    for (let message = await connection.receive(); message !== undefined; message = await connection.receive()) {
      received.push(message.data.toString());
    }
    expect(received).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
    expect(await connection.receive()).toBeUndefined();
  });

  it('reads nothing off the socket until asked, so that the client is held back', async () => {
    const metrics = new Metrics();
    await using started = await startGateway({ readEvents: false }, { metrics });
    await using client = await TestClient.open(started.url);
    const chunk = Buffer.alloc(100_000);
    for (let i = 0; i < 200; i++) client.send(chunk);
    await until(() => client.webSocket.bufferedAmount > 0);
    const connection = theOnly(started.gateway);
    expect((await connection.receive())?.data.length).toBe(100_000);
    expect(metrics.counts.messagesReceived).toBeLessThan(10);
    for (let i = 1; i < 200; i++) expect((await connection.receive())?.kind).toBe('binary');
  });

  it('closes at once with a client that answers', async () => {
    await using started = await startGateway({ readEvents: false }, { closeTimeoutMs: 60_000 });
    await using client = await TestClient.open(started.url);
    theOnly(started.gateway).close(1000, 'done');
    expect(await client.closed).toEqual({ code: 1000, reason: 'done' });
    await until(() => started.gateway.connections.size === 0);
  });

  it('compresses nothing, so that a packet never holds more than it seems to', async () => {
    const compression = { enabled: true, thresholdBytes: 10, level: 1 };
    await using started = await startGateway({ readEvents: false }, { compression });
    await using client = await TestClient.open(started.url, [], { perMessageDeflate: true });
    expect(client.webSocket.extensions).toBe('');
  });

  it('is refused where messages are pushed', async () => {
    await using started = await startGateway();
    await using client = await TestClient.open(started.url);
    expect(() => theOnly(started.gateway).receive()).toThrow('readEvents: false');
    expect(client.unread).toEqual([]);
  });
});

describe('subprotocols', () => {
  it('echo the first offered by default, as NaviServer does', async () => {
    await using started = await startGateway();
    await using client = await TestClient.open(started.url, ['b', 'a']);
    expect(client.webSocket.protocol).toBe('b');
  });

  it("follow the app's preference where it names those it speaks, and none where none fits", async () => {
    await using started = await startGateway({ subprotocols: ['v2', 'v1'] });
    await using both = await TestClient.open(started.url, ['v1', 'v2']);
    expect(both.webSocket.protocol).toBe('v2');
    await using neither = await RawClient.connect(started.port);
    neither.write(
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: x, y\r\n\r\n',
    );
    const answer = await neither.answer();
    expect(answer).toMatch(/^HTTP\/1.1 101 /);
    expect(answer.toLowerCase()).not.toContain('sec-websocket-protocol');
  });

  it('are never answered with one that was not offered', async () => {
    await using started = await startGateway({ subprotocols: () => 'made up' });
    await using client = await RawClient.connect(started.port);
    client.write(handshakeRequest('/', 'Sec-WebSocket-Protocol: x'));
    expect((await client.answer()).toLowerCase()).not.toContain('sec-websocket-protocol');
  });
});

describe('handshakes that are none', () => {
  const valid = [
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  const without = (name: string, instead?: string): string[] => [
    ...valid.filter((line) => !line.startsWith(name)),
    ...(instead ? [instead] : []),
  ];

  it.each([
    ['another method', 'POST', valid, 405],
    ['a missing key', 'GET', without('Sec-WebSocket-Key'), 400],
    ['a key of the wrong length', 'GET', without('Sec-WebSocket-Key', 'Sec-WebSocket-Key: c2hvcnQ='), 400],
    ['another version', 'GET', without('Sec-WebSocket-Version', 'Sec-WebSocket-Version: 99'), 400],
    ['another protocol to upgrade to', 'GET', without('Upgrade', 'Upgrade: h2c'), 400],
  ])('are refused for %s', async (_what, method, headers, status) => {
    const metrics = new Metrics();
    await using started = await startGateway({}, { metrics });
    await using client = await RawClient.connect(started.port);
    client.write([`${method} / HTTP/1.1`, 'Host: x', ...headers].join('\r\n') + '\r\n\r\n');
    expect(await client.answer()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(metrics.counts).toMatchObject({ handshakesRefused: 1, handshakesAccepted: 0 });
  });
});

describe('presence', () => {
  it('tells who is in a subscription, with what each says of itself', async () => {
    await using started = await startGateway();
    await using client = await TestClient.open(started.url);
    const connection = theOnly(started.gateway);
    await started.gateway.subscribe(connection, 'room', { presence: '{"nick":"ann"}' });
    const members = async (): Promise<readonly unknown[]> => (await started.gateway.presence('room', 10)).members;
    expect(await members()).toEqual([{ connectionId: connection.id, info: '{"nick":"ann"}' }]);
    await started.gateway.updatePresence(connection, 'room', '{"nick":"eve"}');
    expect(await members()).toEqual([{ connectionId: connection.id, info: '{"nick":"eve"}' }]);
    client.webSocket.close();
    await until(async () => (await members()).length === 0);
  });

  it('reaches the subscribers through their encoding, and plain ones not at all', async () => {
    const encoding = {
      name: 'test',
      publication: () => undefined,
      presence: (event: { type: string; member: { info?: string } }) => ({
        kind: 'text' as const,
        data: `${event.type} ${event.member.info}`,
      }),
    };
    await using started = await startGateway({
      encoding: (subprotocol) => (subprotocol === 'seeing' ? encoding : { name: 'blind', publication: (p) => p }),
    });
    await using seeing = await TestClient.open(started.url, ['seeing']);
    await started.gateway.subscribe(theOnly(started.gateway), 'room');
    await using blind = await TestClient.open(started.url, ['blind']);
    const [, other] = [...started.gateway.connections.values()];
    if (other === undefined) throw new Error('no second connection');
    await started.gateway.subscribe(other, 'room', { presence: '1' });
    await started.gateway.updatePresence(other, 'room', '2');
    started.gateway.unsubscribe(other, 'room');
    expect(await seeing.take(3)).toEqual(['join 1', 'update 2', 'leave 2']);
    expect(blind.unread).toEqual([]);
  });

  it('is refused when the broker has none', async () => {
    const { MemoryBroker } = await import('../../src/index.ts');
    const whole = new MemoryBroker();
    const broker = {
      start: whole.start.bind(whole),
      subscribe: whole.subscribe.bind(whole),
      unsubscribe: whole.unsubscribe.bind(whole),
      publish: whole.publish.bind(whole),
      close: whole.close.bind(whole),
    };
    await using started = await startGateway({}, { broker });
    await using client = await TestClient.open(started.url);
    await expect(started.gateway.subscribe(theOnly(started.gateway), 'room', { presence: '1' })).rejects.toThrow(
      CapabilityError,
    );
    await expect(started.gateway.presence('room', 1)).rejects.toThrow('the broker offers no presence');
    expect(client.unread).toEqual([]);
  });
});
