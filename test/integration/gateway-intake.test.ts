import { describe, expect, it } from 'vitest';
import { type CreateGatewayOptions, Metrics } from '../../src/index.ts';
import type { Connection } from '../../src/gateway/connection.ts';
import { deferred } from '../support/deferred.ts';
import { everyTurn } from '../support/every-turn.ts';
import { FaultyBroker } from '../support/faulty-broker.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { maskedFrame, RawClient } from '../support/raw-client.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { TurnCount } from '../support/turn-count.ts';
import { until } from '../support/until.ts';

const mebibyte = 1024 * 1024;
const room = 'room';

/** With so many publications that are not settled the broker is behind; with so many nothing more is handled. */
const behind = 1_024;
const full = 16 * 1_024;

/** Much is sent, and the machine may have other work. */
const patiently = { deadlineMs: 45_000 };

/** Nothing is sent but what the test is about. */
const withoutPings: CreateGatewayOptions = { heartbeat: { intervalMs: 0 } };

interface SlowBroker {
  readonly broker: FaultyBroker;
  catchUp(): void;
  fallBehind(): void;
}

/** A broker that accepts nothing until it is told to catch up, and again once it has fallen behind. */
function slowBroker(): SlowBroker {
  const broker = new FaultyBroker();
  let caughtUp = deferred<void>();
  broker.beforePublish = () => caughtUp.promise;
  return {
    broker,
    catchUp: () => caughtUp.resolve(),
    fallBehind: () => (caughtUp = deferred()),
  };
}

/** So many turns of the event loop, in each of which the gateway reads its sockets. */
async function roundTrips(client: RawClient, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    client.write(maskedFrame(0x89, ''));
    await client.read(2);
  }
}

/** Occupies the thread for that long, as a handler does. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('a broker that is behind', () => {
  it('lets a message that had to wait through when it has caught up, although its own handler still waits', async () => {
    const { broker, catchUp } = slowBroker();
    const metrics = new Metrics();
    const said: string[] = [];
    const answered = deferred<void>();
    await using started: StartedGateway = await startGateway(
      {
        onMessage: (connection, data) => {
          said.push(data.toString());
          if (said.length > 1) return answered.resolve();
          started.gateway.send(connection, 'question');
          return answered.promise;
        },
      },
      { broker, metrics },
    );
    await using client = await TestClient.open(started.url);
    const publications = Array.from({ length: behind }, () => started.gateway.multicast(room, 'x'));
    client.send('ask');
    expect(await client.next()).toBe('question');
    client.send('answer');
    await until(() => metrics.counts.connectionsHeld === 1);
    expect(said).toEqual(['ask']);
    catchUp();
    await Promise.all(publications);
    await until(() => said.length === 2);
    expect(said).toEqual(['ask', 'answer']);
    await until(() => metrics.counts.connectionsHeld === 0);
  });

  it('has so many publications to settle and no more, however small, and whoever began them', async () => {
    const { broker, catchUp } = slowBroker();
    const metrics = new Metrics();
    let handled = 0;
    await using started: StartedGateway = await startGateway(
      {
        // The handler is over before it publishes: nobody knows for whom.
        onMessage: (_connection, data) => {
          handled++;
          queueMicrotask(() => void started.gateway.multicast(room, data));
        },
      },
      { ...withoutPings, broker, metrics },
    );
    await using flooder = await RawClient.open(started.port);
    await using other = await RawClient.open(started.port);
    const count = 20_000;
    flooder.write(...Array.from({ length: count }, () => maskedFrame(0x81, 'x')));
    await until(() => metrics.counts.multicastsUnsettled >= full, patiently);
    const handledByThen = handled;
    await using another = await RawClient.open(started.port);
    another.write(maskedFrame(0x81, 'x'), maskedFrame(0x89, ''));
    await another.read(2);
    await roundTrips(other, 100);
    // And those of the turn in which it came to so many.
    expect(metrics.counts.multicastsUnsettled).toBeLessThanOrEqual(full + 2 * 64);
    expect(handled).toBe(handledByThen);
    catchUp();
    await until(() => metrics.counts.multicastsAccepted === count + 1, patiently);
    expect(handled).toBe(count + 1);
  });

  it('does not close a connection for one long message that waits, however long a message may be', async () => {
    const { broker, catchUp } = slowBroker();
    const closes: number[] = [];
    const metrics = new Metrics();
    let handled = 0;
    await using started: StartedGateway = await startGateway(
      {
        limits: { messageBytes: 64 * mebibyte },
        onMessage: (_connection, data) => {
          handled++;
          return started.gateway.multicast(room, data);
        },
        onClose: (_connection, code) => void closes.push(code),
      },
      { ...withoutPings, broker, metrics },
    );
    await using client = await RawClient.open(started.port);
    await using other = await RawClient.open(started.port);
    const long = maskedFrame(0x82, Buffer.alloc(20 * mebibyte));
    // Some of them come in one chunk with the end of what is before them.
    const short = Array.from({ length: 2_000 }, () => maskedFrame(0x82, Buffer.alloc(120)));
    client.write(long, long, ...short);
    await until(() => metrics.counts.connectionsHeld === 1, patiently);
    await roundTrips(other, 10);
    expect({ handled, closes }).toEqual({ handled: 1, closes: [] });
    catchUp();
    await until(() => handled === 2 + short.length || closes.length > 0, patiently);
    expect(closes).toEqual([]);
  });

  it('keeps so much of clients that are gone and no more: of the others, onClose is all that is called', async () => {
    const { broker, catchUp, fallBehind } = slowBroker();
    const metrics = new Metrics();
    const handled = new Set<Connection>();
    const closed = new Set<Connection>();
    await using started: StartedGateway = await startGateway(
      {
        onMessage: (connection) => void handled.add(connection),
        onClose: (connection) => void closed.add(connection),
      },
      { ...withoutPings, broker, metrics },
    );
    const message = maskedFrame(0x82, Buffer.alloc(mebibyte));
    // What was kept the first time takes no room the second time.
    for (let times = 0; times < 2; times++) {
      handled.clear();
      closed.clear();
      const publication = started.gateway.multicast(room, Buffer.alloc(17 * mebibyte));
      const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.open(started.port)));
      const connections = new Set(started.gateway.connections.values());
      for (const client of clients) client.write(message);
      await until(() => metrics.counts.connectionsHeld === clients.length, patiently);
      for (const { socket } of clients) socket.resetAndDestroy();
      await Promise.all(clients.map((client) => client.ended));
      // Whoever is not read is found gone when something is sent.
      await until(() => {
        for (const connection of started.gateway.connections.values()) started.gateway.send(connection, 'still there?');
        return started.gateway.connections.size === 0;
      });
      expect({ handled: handled.size, closed: closed.size }).toEqual({ handled: 0, closed: clients.length - 16 });
      const dropped = new Set(closed);
      catchUp();
      await publication;
      await until(() => closed.size === clients.length);
      expect(closed).toEqual(connections);
      expect(handled).toEqual(new Set([...connections].filter((connection) => !dropped.has(connection))));
      fallBehind();
    }
  });

  it('has those that waited handled a few milliseconds per turn, however many they are', async () => {
    const { broker, catchUp } = slowBroker();
    const metrics = new Metrics();
    const turn = new TurnCount();
    let handled = 0;
    await using started: StartedGateway = await startGateway(
      {
        onMessage: () => {
          turn.add();
          handled++;
          work(0.2);
        },
      },
      { ...withoutPings, broker, metrics },
    );
    const publication = started.gateway.multicast(room, Buffer.alloc(17 * mebibyte));
    const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.open(started.port)));
    const each = 150;
    for (const client of clients) client.write(...Array.from({ length: each }, () => maskedFrame(0x81, 'x')));
    await until(() => metrics.counts.messagesReceived === clients.length * each, patiently);
    expect(handled).toBe(0);
    catchUp();
    await publication;
    await until(() => handled === clients.length * each, patiently);
    // One connection's share takes longer than the slice.
    expect(turn.most).toBeLessThanOrEqual(2 * 64);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  });
});

describe('the pull mode', () => {
  it('is given no more in a turn than one chunk of the socket, however fast a program pulls', async () => {
    const turn = new TurnCount();
    let received = 0;
    await using started = await startGateway({ readEvents: false }, {}, async (connection) => {
      while ((await connection.receive()) !== undefined) {
        turn.add();
        received++;
      }
    });
    await using client = await RawClient.open(started.port);
    const frame = maskedFrame(0x82, Buffer.alloc(100));
    const count = 50_000;
    client.write(Buffer.concat(Array.from({ length: count }, () => frame)));
    await until(() => received === count, patiently);
    // What is left of the chunk before goes along.
    expect(turn.most).toBeLessThan((3 * 64 * 1024) / frame.length);
  });

  it('reads no further for pings than for messages that nobody asked for', async () => {
    const metrics = new Metrics();
    const connections: Connection[] = [];
    await using started = await startGateway(
      { readEvents: false },
      { ...withoutPings, metrics },
      (connection) => void connections.push(connection),
    );
    await using flooder = await RawClient.open(started.port);
    await using other = await RawClient.open(started.port);
    flooder.socket.removeAllListeners('data').resume();
    const [flooding, asking] = connections;
    // Its pings are read as long as a message is awaited.
    const awaited = asking?.receive();
    const pings = Array.from({ length: 100 }, () => maskedFrame(0x89, ''));
    const count = 2_000;
    const unit = Buffer.concat([...pings, maskedFrame(0x82, Buffer.alloc(8 * 1024))]);
    flooder.write(...Array.from({ length: count }, () => unit));
    expect((await flooding?.receive())?.data).toHaveLength(8 * 1024);
    await roundTrips(other, 200);
    // One chunk of the socket's.
    expect(metrics.counts.messagesReceived).toBeLessThanOrEqual(64 / 8);
    expect(flooder.socket.writableLength).toBeGreaterThan(0);

    for (let taken = 1; taken < count; taken++) expect((await flooding?.receive())?.data).toHaveLength(8 * 1024);
    // More pings than are read in a turn, and nothing else.
    other.write(...Array.from({ length: 10 }, () => pings).flat());
    await other.read(2_000);
    other.write(maskedFrame(0x81, 'the end'));
    expect((await awaited)?.data.toString()).toBe('the end');
  });
});

describe('publications from elsewhere', () => {
  it('that keep a worker late all the time do not keep its own clients from publishing', async () => {
    await using cluster = new MemoryCluster();
    const [broker, elsewhere] = [await cluster.join(), await cluster.join()];
    await elsewhere.start(new RecordingSink());
    const metrics = new Metrics();
    let handled = 0;
    await using started: StartedGateway = await startGateway(
      {
        onMessage: (_connection, data) => {
          handled++;
          void started.gateway.multicast('another room', data);
        },
      },
      { ...withoutPings, broker, metrics },
      (connection, gateway) => gateway.subscribe(connection, room),
    );
    const clients = await Promise.all(Array.from({ length: 600 }, () => RawClient.open(started.port)));
    for (const { socket } of clients) socket.removeAllListeners('data').resume();
    const [publisher] = clients;
    await until(() => metrics.counts.subscribers === clients.length);
    const data = Buffer.alloc(32 * 1024);
    using _more = everyTurn(() => void elsewhere.publish({ subscription: room, data, kind: 'binary', exclude: [] }));
    await until(() => metrics.counts.deliveries > 10 * clients.length);
    for (let i = 1; i <= 10; i++) {
      publisher?.write(maskedFrame(0x81, `${i}`));
      await until(() => handled === i);
    }
    expect(metrics.counts.slowConsumers).toBe(0);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  });
});
