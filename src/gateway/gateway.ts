import type { IncomingMessage } from 'node:http';
import type { MessageKind, Position, PresencePage, Broker, BrokerSink } from '../broker/broker.ts';
import { idGenerator } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import { plainAddress } from '../lib/plain-address.ts';
import type { Severities } from '../lib/severities.ts';
import type { Counts } from '../metrics/counts.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { AppCalls } from './app-calls.ts';
import { Connection, type ConnectionOwner } from './connection.ts';
import { Delivery } from './delivery.ts';
import { type Encoding, plainEncoding } from './encoding.ts';
import { Frame } from './frame.ts';
import type { ConnectionLimits, GatewayOptions } from './gateway-options.ts';
import type { GatewaySocket } from './gateway-socket.ts';
import type { HandshakeEntry, HandshakeOptions } from './handshake-options.ts';
import { Handshaker, type Upgraded } from './handshake.ts';
import { Heartbeat } from './heartbeat.ts';
import { Hub } from './hub.ts';
import { FlushScheduler } from './outbox.ts';
import { refuseHandshake } from './refuse-handshake.ts';
import { checkName, everyone, Subscriptions } from './subscriptions.ts';
import { Trace } from './trace.ts';

export interface GatewayParts {
  readonly broker: Broker;
  readonly options: GatewayOptions;
  readonly log: Log;
  readonly severities: Severities;
  readonly metrics: Metrics;
}

export interface SubscribeOptions {
  /** Makes the connection present in the subscription: JSON that tells the others about it. */
  readonly presence?: string;
}

export interface MulticastOptions {
  /** Connections that do not get it, on whichever worker they are. */
  readonly exclude?: readonly Connection[];
  /** Default: text for a string, binary for bytes. */
  readonly kind?: MessageKind;
  /** JSON for encodings that show more than the data; plain connections never see it. */
  readonly info?: string;
}

/**
 * The facade an app, or a program that embeds Carillon, works with: the API of NaviServer's websocket module, grown
 * up. One per worker. It holds the connections of this worker and shares subscriptions with all through its broker.
 */
export class Gateway {
  readonly #broker: Broker;
  readonly #options: GatewayOptions;
  readonly #trace: Trace;
  readonly #counts: Counts;
  readonly #hub = new Hub();
  readonly #connections = new Map<string, Connection>();
  readonly #subscriptions: Subscriptions;
  readonly #apps: AppCalls;
  readonly #handshaker: Handshaker;
  readonly #heartbeat: Heartbeat;
  readonly #nextId = idGenerator();
  readonly #owner: ConnectionOwner;
  #closing: Promise<void> | undefined;
  #emptied: (() => void) | undefined;

  private constructor({ broker, options, log, severities, metrics }: GatewayParts) {
    this.#broker = broker;
    this.#options = options;
    this.#trace = new Trace(log, severities);
    this.#subscriptions = new Subscriptions(this.#hub, broker, metrics.counts, this.#trace);
    this.#counts = metrics.counts;
    this.#apps = new AppCalls(log, metrics.counts);
    this.#handshaker = new Handshaker(options.compression, options.closeTimeoutMs);
    this.#heartbeat = new Heartbeat(this.#connections, options.heartbeat.intervalMs, (connection) => {
      this.#counts.heartbeatsMissed++;
      connection.terminate();
    });
    this.#owner = {
      scheduler: new FlushScheduler(),
      received: (connection, data, kind) => this.#received(connection, data, kind),
      drained: (connection) => this.#apps.drained(connection),
      left: (connection) => this.#subscriptions.leaveAll(connection),
      closed: (connection, code, reason) => this.#closed(connection, code, reason),
      overflowed: () => void this.#counts.slowConsumers++,
    };
    metrics.watchOutboxes(() => this.#outboxBytes());
  }

  /** Starts the broker and resolves when connections can be taken. */
  static async start(parts: GatewayParts): Promise<Gateway> {
    const gateway = new Gateway(parts);
    await parts.broker.start(gateway.#sink(parts));
    await parts.broker.subscribe([everyone]);
    return gateway;
  }

  /** The connections of this worker by id. */
  get connections(): ReadonlyMap<string, Connection> {
    return this.#connections;
  }

  /**
   * Answers a WebSocket opening handshake (RFC 6455 §4.2) on `request.socket`, at once.
   * @param request as Node's `upgrade` event gives it
   * @returns the connection, or undefined when the request was refused; the client has been told why with an HTTP status
   */
  handshake(
    request: IncomingMessage,
    options: HandshakeOptions = {},
    entry: HandshakeEntry = {},
  ): Connection | undefined {
    const limits = options.limits === undefined ? this.#options.limits : { ...this.#options.limits, ...options.limits };
    const upgraded = this.#upgrade(request, options, entry, limits);
    if (upgraded === undefined) {
      this.#counts.handshakesRefused++;
      return undefined;
    }
    const { webSocket, windowBits } = upgraded;
    const encoding = this.#chooseEncoding(webSocket, options);
    if (encoding === undefined) return undefined;
    const connection = new Connection(this.#owner, webSocket, request.socket, options, {
      id: this.#nextId(),
      address: plainAddress(request.socket.remoteAddress ?? ''),
      identity: entry.identity,
      encoding,
      limits,
      windowBits,
      watcher: entry.watcher,
    });
    entry.watcher?.opened();
    this.#connections.set(connection.id, connection);
    this.#hub.add(everyone, connection);
    this.#counts.handshakesAccepted++;
    this.#counts.connections++;
    this.#trace.write('carillon:handshake', {
      event: 'handshake',
      connection: connection.id,
      address: connection.address,
    });
    return connection;
  }

  /**
   * Sends to one connection of this worker.
   * @param kind default: text for a string, binary for bytes; bytes sent as text must be UTF-8
   * @returns false when the connection is gone
   */
  send(connection: Connection, data: string | Buffer, kind: MessageKind = kindOf(data)): boolean {
    const sent = connection.enqueue(new Frame({ data, kind }, this.#options.compression), this.#counts);
    if (sent) this.#trace.message('send', connection.id, data.length);
    return sent;
  }

  /**
   * Puts the connection in a subscription; it is delivered everything that is multicast after this has resolved.
   * A second call is harmless. Closing the connection leaves all its subscriptions.
   * @returns false when the connection is gone, or was unsubscribed while this waited
   * @throws SubscriptionNameError for an empty name and for `all`, which everybody is in
   * @throws BrokerUnavailableError when the broker did not confirm; the connection is not subscribed then
   * @throws CapabilityError when presence is asked for and the broker has none
   */
  subscribe(connection: Connection, name: string, { presence }: SubscribeOptions = {}): Promise<boolean> {
    return this.#subscriptions.subscribe(connection, name, presence);
  }

  /** Takes the connection out of a subscription; harmless when it is not in it. The connection stays open. */
  unsubscribe(connection: Connection, name: string): void {
    this.#subscriptions.unsubscribe(connection, name);
  }

  /**
   * Gives one message to all subscribers of a subscription, on all workers and nodes. The sender gets it too, if it is
   * subscribed and not excluded.
   * @param name a subscription, or `all` for every connection of the cluster
   * @returns once the broker has accepted it, its position where the subscription has history
   * @throws BrokerUnavailableError when it was not accepted
   */
  async multicast(name: string, data: string | Buffer, options: MulticastOptions = {}): Promise<Position | undefined> {
    checkName(name);
    const { kind = kindOf(data), exclude = [], info } = options;
    this.#trace.message('multicast', name, data.length);
    try {
      const position = await this.#broker.publish({
        subscription: name,
        data: typeof data === 'string' ? Buffer.from(data) : data,
        kind,
        exclude: exclude.map((connection) => connection.id),
        ...(info === undefined ? {} : { info }),
      });
      this.#counts.multicastsAccepted++;
      return position;
    } catch (error) {
      this.#counts.multicastsRejected++;
      throw error;
    }
  }

  /**
   * Who is present in a subscription, cluster-wide.
   * @param limit most members a page
   * @param cursor from the previous page
   * @throws CapabilityError
   */
  presence(name: string, limit: number, cursor?: string): Promise<PresencePage> {
    return this.#subscriptions.members(name, limit, cursor);
  }

  /**
   * Changes what presence says of a connection that subscribed with `presence`.
   * @returns false when it is not present there (any more)
   */
  updatePresence(connection: Connection, name: string, info: string): Promise<boolean> {
    return this.#subscriptions.updatePresence(connection, name, info);
  }

  /** Closes every connection with 1001 and waits for their farewells, within `closeTimeoutMs`; then closes the broker. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#heartbeat.close();
    if (this.#connections.size > 0) {
      const emptied = new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
      for (const connection of this.#connections.values()) connection.close(1001, 'the worker is stopping');
      // ws ends whoever does not answer; but not who had begun to leave before and does not read.
      const deadline = setTimeout(() => this.#terminateAll(), this.#options.closeTimeoutMs);
      await emptied;
      clearTimeout(deadline);
    }
    await this.#broker.close();
  }

  #terminateAll(): void {
    for (const connection of this.#connections.values()) connection.terminate();
  }

  #sink({ log, metrics }: GatewayParts): BrokerSink {
    const delivery = new Delivery(this.#hub, this.#connections, this.#options.compression, metrics.counts, log);
    return {
      deliver: (publication) => {
        this.#trace.message('deliver', publication.subscription, publication.data.length);
        delivery.deliver(publication);
      },
      gap: (names) => delivery.gap(names),
      presence: (event) => delivery.presence(event),
    };
  }

  #upgrade(
    request: IncomingMessage,
    options: HandshakeOptions,
    entry: HandshakeEntry,
    { messageBytes }: ConnectionLimits,
  ): Upgraded | undefined {
    if (this.#closing !== undefined) return refuseHandshake(request, '503 Service Unavailable');
    try {
      return this.#handshaker.upgrade(request, entry.head ?? Buffer.alloc(0), messageBytes, options);
    } catch (error) {
      // The app's choice of a subprotocol failed; nothing has been answered yet.
      this.#apps.logged(error);
      return refuseHandshake(request, '500 Internal Server Error');
    }
  }

  #chooseEncoding(webSocket: GatewaySocket, options: HandshakeOptions): Encoding | undefined {
    try {
      return options.encoding?.(webSocket.protocol) ?? plainEncoding;
    } catch (error) {
      this.#apps.logged(error);
      webSocket.on('error', () => {});
      webSocket.close(1011, 'internal error');
      return undefined;
    }
  }

  #received(connection: Connection, data: Buffer, kind: MessageKind): void {
    this.#counts.messagesReceived++;
    this.#counts.bytesReceived += data.length;
    this.#trace.message('receive', connection.id, data.length);
    if (connection.handlers.readEvents !== false) this.#apps.message(connection, data, kind);
  }

  #closed(connection: Connection, code: number, reason: string): void {
    this.#connections.delete(connection.id);
    this.#counts.connections--;
    this.#counts.countClose(code);
    this.#trace.write('carillon:handshake', { event: 'close', connection: connection.id, code, reason });
    this.#apps.closed(connection, code, reason);
    if (this.#connections.size === 0) this.#emptied?.();
  }

  #outboxBytes(): number {
    let bytes = 0;
    for (const connection of this.#connections.values()) bytes += connection.bufferedBytes;
    return bytes;
  }
}

function kindOf(data: string | Buffer): MessageKind {
  return typeof data === 'string' ? 'text' : 'binary';
}
