import type { IncomingMessage } from 'node:http';
import { idGenerator } from '../lib/ids.ts';
import { plainAddress } from '../lib/plain-address.ts';
import type { Counts, HandshakeRefusal } from '../metrics/counts.ts';
import type { AppCalls } from './receiving/app-calls.ts';
import { internalErrorReason } from './close-codes.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import { Connection } from './connection.ts';
import type { Dispatcher } from './receiving/dispatcher.ts';
import { Draining } from './draining.ts';
import { type Encoding, plainEncoding } from './encoding.ts';
import { ArgumentError } from './errors.ts';
import { defaultLimits, type ConnectionLimits, type GatewayOptions } from './gateway-options.ts';
import { type GatewaySocket, isUpgraded } from './gateway-socket.ts';
import type { HandshakeEntry, HandshakeOptions, Refusal } from './handshake-options.ts';
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
  readonly #generalLimits: ConnectionLimits;
  /** Of apps with limits of their own: all connections of a kind share one object. */
  readonly #limits = new WeakMap<HandshakeOptions, ConnectionLimits>();
  #isClosing = false;
  #draining: Draining | undefined;
  #emptied: (() => void) | undefined;

  constructor(parts: ConnectionTableParts) {
    const { options, counts } = parts;
    this.#parts = parts;
    this.#generalLimits = Object.freeze({ ...defaultLimits, ...options.limits });
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
    const id = entry.watcher?.id || this.#nextId();
    const upgraded = this.#upgrade(request, options, entry, { id, messageBytes: limits.messageBytes });
    if (upgraded === undefined) return undefined;
    const { answer, webSocket, windowBits } = upgraded;
    const encoding = this.#chooseEncoding(webSocket, options, id);
    if (encoding === undefined) {
      request.socket.write(answer);
      webSocket.close(1011, internalErrorReason(id));
      return undefined;
    }
    const connection = new Connection(owner, webSocket, request.socket, options, {
      id,
      address: entry.address ?? plainAddress(request.socket.remoteAddress ?? ''),
      identity: entry.identity,
      encoding,
      limits,
      windowBits,
      watcher: entry.watcher,
    });
    connection.begin(answer);
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
    counts.countClose(code, connection.isClosedHere);
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

  /**
   * Closes all as `Draining` says. Resolves when all have been told, not when they have gone. Once it has, another call
   * closes who has come since.
   */
  async drain(periodMs: number): Promise<void> {
    this.#draining = new Draining({ connections: this.#connections, periodMs, counts: this.#parts.counts });
    await this.#draining.run();
  }

  /**
   * Takes no more, closes all with 1001 and waits for their farewells, and until what they and those before them sent has
   * been handled, all within `closeTimeoutMs`. Called once.
   */
  async close(): Promise<void> {
    const { options, dispatcher } = this.#parts;
    const endMs = performance.now() + options.closeTimeoutMs;
    this.#isClosing = true;
    this.#draining?.cancel();
    this.#heartbeat.close();
    await this.#closeAll();
    await dispatcher.idle(endMs - performance.now());
  }

  async #closeAll(): Promise<void> {
    if (this.#connections.size === 0) return;
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    // Who has been dismissed is leaving already, and what they sent is still to be handled.
    for (const connection of this.#connections.values())
      if (connection.open) connection.close(1001, 'the worker is stopping');
    // ws ends whoever does not answer; but not who had begun to leave before and does not read.
    const deadline = setTimeout(() => this.#terminateAll(), this.#parts.options.closeTimeoutMs);
    await emptied;
    clearTimeout(deadline);
  }

  #limitsOf(options: HandshakeOptions): ConnectionLimits {
    const general = this.#generalLimits;
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
    { id, messageBytes }: { id: string; messageBytes: number },
  ): Upgraded | undefined {
    const { counts, apps } = this.#parts;
    const { socket } = request;
    if (isUpgraded(socket)) throw new ArgumentError('request: its handshake has been answered already');
    // The client has gone; whoever gave us its request notices.
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return undefined;
    }
    const refuse = (reason: HandshakeRefusal, refusal: Refusal): undefined => {
      counts.countHandshakeRefused(reason);
      if (entry.watcher !== undefined) entry.watcher.refuse(refusal);
      else refuseHandshake(request, refusal, id);
    };
    if (this.#isClosing) return refuse('draining', 'stopping');
    try {
      const head = entry.head ?? Buffer.alloc(0);
      const upgraded = this.#handshaker.upgrade(request, head, { id, messageBytes }, options);
      return 'webSocket' in upgraded ? upgraded : refuse('malformed', upgraded);
    } catch (error) {
      // The app's choice of a subprotocol failed; nothing has been answered yet.
      apps.logged(error, id);
      return refuse('other', 'failed');
    }
  }

  #chooseEncoding(webSocket: GatewaySocket, options: HandshakeOptions, id: string): Encoding | undefined {
    try {
      return options.encoding?.(webSocket.protocol) ?? plainEncoding;
    } catch (error) {
      this.#parts.apps.logged(error, id);
      return undefined;
    }
  }
}
