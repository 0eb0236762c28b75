import type { IncomingMessage } from 'node:http';
import { idGenerator } from '../lib/ids.ts';
import { plainAddress } from '../lib/plain-address.ts';
import type { Counts } from '../metrics/counts.ts';
import type { AppCalls } from './receiving/app-calls.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import { Connection } from './connection.ts';
import type { Dispatcher } from './receiving/dispatcher.ts';
import { type Encoding, plainEncoding } from './encoding.ts';
import type { ConnectionLimits, GatewayOptions } from './gateway-options.ts';
import type { GatewaySocket } from './gateway-socket.ts';
import type { HandshakeEntry, HandshakeOptions } from './handshake-options.ts';
import { Handshaker, type Upgraded } from './handshake.ts';
import { Heartbeat } from './heartbeat.ts';
import { refuseHandshake } from './refuse-handshake.ts';
import type { Trace } from './trace.ts';

export interface ConnectionTableParts {
  readonly options: GatewayOptions;
  readonly owner: ConnectionOwner;
  readonly apps: AppCalls;
  readonly dispatcher: Dispatcher;
  readonly counts: Counts;
  readonly trace: Trace;
}

/** The connections of this worker, from their handshakes to their ends. */
export class ConnectionTable {
  readonly #parts: ConnectionTableParts;
  readonly #connections = new Map<string, Connection>();
  readonly #handshaker: Handshaker;
  readonly #heartbeat: Heartbeat;
  readonly #nextId = idGenerator();
  /** Of apps with limits of their own: all connections of a kind share one object. */
  readonly #limits = new WeakMap<HandshakeOptions, ConnectionLimits>();
  #isClosing = false;
  #emptied: (() => void) | undefined;

  constructor(parts: ConnectionTableParts) {
    const { options, counts } = parts;
    this.#parts = parts;
    this.#handshaker = new Handshaker(options.compression, options.closeTimeoutMs);
    this.#heartbeat = new Heartbeat(this.#connections, options.heartbeat.intervalMs, (connection) => {
      counts.heartbeatsMissed++;
      connection.terminate();
    });
  }

  get byId(): ReadonlyMap<string, Connection> {
    return this.#connections;
  }

  /** @returns undefined when the request was refused; the client has been told why with an HTTP status */
  open(request: IncomingMessage, options: HandshakeOptions, entry: HandshakeEntry): Connection | undefined {
    const { counts, owner, trace } = this.#parts;
    const limits = this.#limitsOf(options);
    const upgraded = this.#upgrade(request, options, entry, limits);
    if (upgraded === undefined) {
      counts.handshakesRefused++;
      return undefined;
    }
    const { webSocket, windowBits } = upgraded;
    const encoding = this.#chooseEncoding(webSocket, options);
    if (encoding === undefined) return undefined;
    const connection = new Connection(owner, webSocket, request.socket, options, {
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
    counts.handshakesAccepted++;
    counts.connections++;
    trace.write('carillon:handshake', { event: 'handshake', connection: connection.id, address: connection.address });
    return connection;
  }

  /** To be called when a connection is gone. */
  remove(connection: Connection, code: number, reason: string): void {
    const { counts, trace, dispatcher } = this.#parts;
    this.#connections.delete(connection.id);
    counts.connections--;
    counts.countClose(code);
    trace.write('carillon:handshake', { event: 'close', connection: connection.id, code, reason });
    dispatcher.closed(connection, code, reason);
    if (this.#connections.size === 0) this.#emptied?.();
  }

  /** Bytes that wait for all of them. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const outbox of this.#parts.owner.sending.behind) bytes += outbox.bytes;
    return bytes;
  }

  /** Takes no more, closes all with 1001 and waits for their farewells, within `closeTimeoutMs`. Called once. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#heartbeat.close();
    if (this.#connections.size === 0) return;
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    for (const connection of this.#connections.values()) connection.close(1001, 'the worker is stopping');
    // ws ends whoever does not answer; but not who had begun to leave before and does not read.
    const deadline = setTimeout(() => this.#terminateAll(), this.#parts.options.closeTimeoutMs);
    await emptied;
    clearTimeout(deadline);
  }

  #limitsOf(options: HandshakeOptions): ConnectionLimits {
    const general = this.#parts.options.limits;
    if (options.limits === undefined) return general;
    let limits = this.#limits.get(options);
    if (limits === undefined) this.#limits.set(options, (limits = { ...general, ...options.limits }));
    return limits;
  }

  #terminateAll(): void {
    for (const connection of this.#connections.values()) connection.terminate();
  }

  #upgrade(
    request: IncomingMessage,
    options: HandshakeOptions,
    entry: HandshakeEntry,
    { messageBytes }: ConnectionLimits,
  ): Upgraded | undefined {
    if (this.#isClosing) return refuseHandshake(request, '503 Service Unavailable');
    try {
      return this.#handshaker.upgrade(request, entry.head ?? Buffer.alloc(0), messageBytes, options);
    } catch (error) {
      // The app's choice of a subprotocol failed; nothing has been answered yet.
      this.#parts.apps.logged(error);
      return refuseHandshake(request, '500 Internal Server Error');
    }
  }

  #chooseEncoding(webSocket: GatewaySocket, options: HandshakeOptions): Encoding | undefined {
    try {
      return options.encoding?.(webSocket.protocol) ?? plainEncoding;
    } catch (error) {
      this.#parts.apps.logged(error);
      webSocket.close(1011, 'internal error');
      return undefined;
    }
  }
}
