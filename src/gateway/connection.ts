import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { Identity } from '../auth/identity.ts';
import type { MessageKind } from '../broker/broker.ts';
import type { Counts } from '../metrics/counts.ts';
import { fitCloseReason, isSendableCloseCode } from './close-codes.ts';
import type { Encoding } from './encoding.ts';
import { type Frame, pingFrame, pongFrame } from './frame.ts';
import type { ConnectionLimits } from './gateway-options.ts';
import type { GatewaySocket } from './gateway-socket.ts';
import type { ConnectionWatcher, HandshakeOptions } from './handshake-options.ts';
import type { HandlerQueue } from './handler-queue.ts';
import { Inbox, type ReceivedMessage } from './inbox.ts';
import type { Joining } from './joining.ts';
import { Outbox, type FlushScheduler } from './outbox.ts';

/** How long a socket whose client has ended its half may be idle before it is destroyed. */
const halfClosedTimeoutMs = 5_000;

/** What a connection tells its gateway. */
export interface ConnectionOwner {
  readonly scheduler: FlushScheduler;
  received(connection: Connection, data: Buffer, kind: MessageKind): void;
  /** The connection begins to close: it gets nothing more. Called once. */
  left(connection: Connection): void;
  /** The kernel has taken everything sent so far; only asked for where there is an `onDrain`. */
  drained(connection: Connection): void;
  /** The connection is gone. Called once, after `left`. */
  closed(connection: Connection, code: number, reason: string): void;
  /**
   * There is no room in the outbox for what was to be sent.
   * @param subscription where it was of one
   * @returns whether the connection stays without it; else it is closed
   */
  overflowed(connection: Connection, subscription: string | undefined): boolean;
}

export interface ConnectionFacts {
  readonly id: string;
  /** The client's IP address; IPv4 in its own notation, also on a dual-stack socket. */
  readonly address: string;
  readonly identity: Identity | undefined;
  readonly encoding: Encoding;
  readonly limits: ConnectionLimits;
  readonly windowBits: number;
  readonly watcher: ConnectionWatcher | undefined;
}

/** One client's WebSocket session on this worker. Made by `Gateway.handshake`. */
export class Connection {
  readonly id: string;
  readonly address: string;
  readonly identity: Identity | undefined;
  readonly encoding: Encoding;
  readonly limits: ConnectionLimits;
  readonly handlers: HandshakeOptions;
  /** The subscriptions it is in; kept by the gateway. */
  subscriptions: Map<string, Joining> | undefined;
  /** There while asynchronous handlers are under way; kept by the gateway. */
  handlerQueue: HandlerQueue | undefined;
  /** Subscription → what presence says of it; kept by the gateway. */
  presences: Map<string, string> | undefined;
  readonly #owner: ConnectionOwner;
  readonly #webSocket: GatewaySocket;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #windowBits: number;
  readonly #watcher: ConnectionWatcher | undefined;
  readonly #inbox: Inbox | undefined;
  #bytesReadAtLastPing = -1;
  #closeCode = 0;
  #closeReason = '';
  #pausedByApp = false;
  #held = false;

  constructor(
    owner: ConnectionOwner,
    webSocket: GatewaySocket,
    socket: Socket,
    handlers: HandshakeOptions,
    facts: ConnectionFacts,
  ) {
    this.id = facts.id;
    this.address = facts.address;
    this.identity = facts.identity;
    this.encoding = facts.encoding;
    this.limits = facts.limits;
    this.handlers = handlers;
    this.#windowBits = facts.windowBits;
    this.#watcher = facts.watcher;
    this.#owner = owner;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#outbox = new Outbox(
      socket,
      owner.scheduler,
      handlers.onDrain === undefined ? undefined : () => this.#taken(),
    );
    this.#inbox = handlers.readEvents === false ? new Inbox(webSocket) : undefined;
    webSocket.connection = this;
    webSocket.on('message', onMessage);
    webSocket.on('ping', onPing);
    webSocket.on('close', onClose);
    webSocket.on('error', onError);
    socket.once('end', onHalfClosed);
  }

  get subprotocol(): string {
    return this.#webSocket.protocol;
  }

  /** Whether messages can still be sent. */
  get open(): boolean {
    return this.#webSocket.readyState === WebSocket.OPEN;
  }

  /** Bytes that wait for this client and that the kernel has not taken. */
  get bufferedBytes(): number {
    return this.#outbox.bytes;
  }

  /** Bytes the client has been sent on this connection, handshake and frame headers included. */
  get bytesSent(): number {
    return this.#socket.bytesWritten;
  }

  /**
   * Pull mode: the next message, in order; undefined when the connection has closed and every message was taken.
   * @throws Error when the connection was made with `readEvents` on
   */
  receive(): Promise<ReceivedMessage | undefined> {
    if (this.#inbox === undefined) throw new Error('receive() needs a handshake with readEvents: false');
    return this.#inbox.next();
  }

  /** Stops reading, so that TCP slows the client down; messages of what was read already still come. For the push mode. */
  pause(): void {
    this.#pausedByApp = true;
    this.#webSocket.pause();
  }

  resume(): void {
    this.#pausedByApp = false;
    if (!this.#held) this.#webSocket.resume();
  }

  /** The gateway's own pause, which the app's `resume` does not end. */
  hold(): void {
    this.#held = true;
    this.#webSocket.pause();
  }

  release(): void {
    this.#held = false;
    if (!this.#pausedByApp) this.#webSocket.resume();
  }

  /**
   * Begins an orderly close; what was sent before goes out first. A reason over 123 bytes of UTF-8 is cut.
   * @throws RangeError when the code may not be sent (RFC 6455 §7.4)
   */
  close(code = 1000, reason = ''): void {
    if (!isSendableCloseCode(code))
      throw new RangeError(`close code ${code}: expected 1000-1003, 1007-1014 or 3000-4999`);
    this.#webSocket.close(code, fitCloseReason(reason));
  }

  /** Ends the connection at once, without a close frame. */
  terminate(): void {
    this.#webSocket.terminate();
  }

  /**
   * Puts a frame in the outbox.
   * @param subscription where the message is of one: its policy says what happens when there is no room
   * @returns false when the connection is gone, was just closed as a slow consumer, or is spared and stays without it
   */
  enqueue(frame: Frame, counts: Counts, subscription?: string): boolean {
    if (!this.open) return false;
    const bytes = frame.bytesFor(this.#windowBits);
    if (!this.#push(bytes, subscription)) return false;
    counts.messagesSent++;
    counts.bytesSent += bytes.length;
    return true;
  }

  /** Has the frame's bytes made for when it is enqueued. */
  prepare(frame: Frame | undefined): void {
    frame?.bytesFor(this.#windowBits);
  }

  /**
   * Puts frames in the outbox, all or none.
   * @param mostBytes headers included
   * @returns false when they are more
   */
  enqueueAll(frames: readonly Frame[], counts: Counts, mostBytes: number): boolean {
    const bytes = frames.reduce((sum, frame) => sum + frame.bytesFor(this.#windowBits).length, 0);
    if (bytes > mostBytes) return false;
    for (const frame of frames) if (!this.enqueue(frame, counts)) break;
    return true;
  }

  /**
   * Heartbeat: pings, unless nothing at all was heard since the last ping.
   * @returns false when the client is to be given up
   */
  ping(): boolean {
    const { bytesRead } = this.#socket;
    // A reader that paused hears nothing, the pong included; its silence says nothing of the client.
    if (bytesRead === this.#bytesReadAtLastPing && !this.#webSocket.isPaused) return false;
    this.#bytesReadAtLastPing = bytesRead;
    if (this.open) this.#outbox.push(pingFrame);
    return true;
  }

  /** Calls back when the kernel has taken all that waits now, or the connection is gone. */
  whenTaken(callback: () => void): void {
    this.#outbox.whenTaken(callback);
  }

  /** Called by the socket when a close begins, by either side. */
  leave(code: number, reason: string): void {
    if (this.#closeCode !== 0) return;
    this.#closeCode = code;
    this.#closeReason = reason;
    this.#outbox.flush();
    // A paused reader would never see the client's answer to the close.
    this.#webSocket.resume();
    this.#owner.left(this);
  }

  /** One message is taken whatever its size when nothing else waits: a client that reads is never a slow one. */
  #push(bytes: Buffer, subscription?: string): boolean {
    const waiting = this.#outbox.bytes;
    if (waiting > 0 && waiting + bytes.length > this.limits.outboxBytes) {
      if (!this.#owner.overflowed(this, subscription)) this.#overflow();
      return false;
    }
    this.#outbox.push(bytes);
    return true;
  }

  #overflow(): void {
    this.#outbox.discard();
    this.close(1013, `slow consumer: more than ${this.limits.outboxBytes} bytes were waiting`);
  }

  #taken(): void {
    if (this.open && this.#outbox.bytes === 0) this.#owner.drained(this);
  }

  #closed(code: number, reason: string): void {
    this.leave(code, reason);
    this.#outbox.discard();
    this.#inbox?.end();
    this.#owner.closed(this, this.#closeCode, this.#closeReason);
    this.#watcher?.closed(this, this.#closeCode);
  }

  #received(data: Buffer, kind: MessageKind): void {
    if (!this.open) return;
    this.#owner.received(this, data, kind);
    if (this.#inbox === undefined) return;
    this.#inbox.put({ data, kind });
  }

  static received(connection: Connection, data: Buffer, isBinary: boolean): void {
    connection.#received(data, isBinary ? 'binary' : 'text');
  }

  static pinged(connection: Connection, payload: Buffer): void {
    if (connection.open) connection.#push(pongFrame(payload));
  }

  static closed(connection: Connection, code: number, reason: string): void {
    connection.#closed(code, reason);
  }
}

// Listeners are functions of the module, shared by all connections: ws calls them with the socket as `this`.

function onMessage(this: WebSocket, data: WebSocket.RawData, isBinary: boolean): void {
  const { connection } = this as GatewaySocket;
  // With ws' default binaryType a message is always one Buffer.
  if (connection !== undefined) Connection.received(connection, data as Buffer, isBinary);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  const { connection } = this as GatewaySocket;
  if (connection !== undefined) Connection.closed(connection, code, reason.toString());
}

function onPing(this: WebSocket, payload: Buffer): void {
  const { connection } = this as GatewaySocket;
  if (connection !== undefined) Connection.pinged(connection, payload);
}

/** The client has ended its half: what it does not take of the rest soon, it never will. */
function onHalfClosed(this: Socket): void {
  this.setTimeout(halfClosedTimeoutMs, destroyThis);
}

function destroyThis(this: Socket): void {
  this.destroy();
}

/** A broken frame or a reset: ws closes the connection with the code of RFC 6455, and `close` follows. */
function onError(): void {}
