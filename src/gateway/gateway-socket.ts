import type { Socket } from 'node:net';
import { Connection } from './connection.ts';
import { FrameReader, type FrameLimits, type FrameSink } from './receiving/frame-reader.ts';
import type { Inflater } from './receiving/inflater.ts';
import type { Reader, ReaderSocket, SocketReads } from './receiving/socket-reads.ts';
import { closeFrame } from './sending/frame.ts';

/** How long a socket whose client has ended its half may be idle before it is destroyed. */
const halfClosedTimeoutMs = 5_000;
/** Of a connection that ended without a close frame (RFC 6455 §7.1.5). */
const abnormalClosure = 1006;

/** What sockets of a kind share. */
export interface SocketKind extends FrameLimits {
  readonly reads: SocketReads;
  /** How long an orderly close waits for the client's answer. */
  readonly closeTimeoutMs: number;
}

/** The socket under it, which knows whose it is: listeners of its own would be closures per connection. */
type OwnSocket = ReaderSocket & { gatewaySocket?: GatewaySocket };

/** Whether it is a WebSocket already. */
export function isUpgraded(socket: OwnSocket): boolean {
  return socket.gatewaySocket !== undefined;
}

/**
 * One WebSocket from its opening handshake to its end (RFC 6455 §5, §7): reads what the client sends, and does the
 * closing handshake. What is sent besides goes through the connection's outbox.
 */
export class GatewaySocket implements FrameSink, Reader {
  /** "" for none. */
  readonly protocol: string;
  /** Set once, as soon as the handshake is done. */
  connection: Connection | undefined;
  readonly #socket: OwnSocket;
  readonly #kind: SocketKind;
  readonly #reader: FrameReader;
  readonly #inflater: Inflater | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #isPaused = false;
  /** Nothing more is to come from the client that would be read. */
  #isConcluded = false;
  /** The client has ended its half while a message of its was being inflated. */
  #endsLater = false;
  /** The socket has closed. */
  #isGone = false;
  #closeCode = abnormalClosure;
  #closeReason = '';
  #closeTimer: NodeJS.Timeout | undefined;

  /** @param head what has come already */
  constructor(socket: Socket, head: Buffer, protocol: string, kind: SocketKind, inflater: Inflater | undefined) {
    this.protocol = protocol;
    this.#socket = socket;
    this.#kind = kind;
    this.#inflater = inflater;
    this.#reader = new FrameReader(this, kind, inflater);
    this.#socket.gatewaySocket = this;
    socket.setTimeout(0);
    socket.setNoDelay();
    if (head.length > 0) socket.unshift(head);
    socket.on('close', onClose);
    socket.on('end', onEnd);
    socket.on('error', onError);
    kind.reads.begin(socket, this);
  }

  /** Whether messages can still be sent. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Stops reading; what has been read by then is still handed over. */
  pause(): void {
    if (this.#state === 'closed') return;
    if (!this.#isPaused) this.connection?.pace?.stop();
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (this.#state === 'closed') return;
    if (this.#isPaused) this.connection?.pace?.resume();
    this.#isPaused = false;
    if (!this.#reader.isInflating) this.#socket.resume();
  }

  /**
   * Begins the closing handshake, or ends it where the client has begun it.
   * @param code one that may be sent; 1005: none is
   */
  close(code: number, reason: string): void {
    if (this.#state !== 'open') return;
    // The last moment to send what waits in the outbox, and the moment to leave all subscriptions.
    this.connection?.leave(code, reason);
    // Handlers of what had come before may have closed it meanwhile.
    if (!this.isOpen) return;
    this.#state = 'closing';
    const frame = closeFrame(code, reason);
    if (this.#isConcluded) this.#socket.end(frame);
    else this.#socket.write(frame);
    this.#closeTimer = setTimeout(destroy, this.#kind.closeTimeoutMs, this.#socket);
  }

  /** Without a closing handshake. */
  terminate(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closing';
    this.#socket.destroy();
  }

  // What the reader tells.

  message(data: Buffer, isBinary: boolean): void {
    if (this.connection !== undefined) Connection.received(this.connection, data, isBinary);
  }

  pinged(payload: Buffer): void {
    if (this.connection !== undefined) Connection.pinged(this.connection, payload);
  }

  ponged(payload: Buffer): void {
    if (this.connection !== undefined) Connection.ponged(this.connection, payload);
  }

  concluded(code: number, reason: string): void {
    this.#closeCode = code;
    this.#closeReason = reason;
    this.#conclude(code, reason);
  }

  failed(code: number, isTooLong: boolean): void {
    this.#conclude(code, '');
    if (isTooLong && this.connection !== undefined) Connection.sentTooLong(this.connection);
  }

  inflated(): void {
    if (this.#isGone) this.#closed();
    else if (this.#endsLater) this.ended();
    else if (!this.#isPaused) this.#socket.resume();
  }

  /** Whatever still comes is read, so that the end is seen, and dropped. */
  #conclude(code: number, reason: string): void {
    this.#isConcluded = true;
    if (this.#isGone) return;
    if (this.#state === 'open') this.close(code, reason);
    else this.#socket.end();
    this.#socket.resume();
  }

  // What the socket tells.

  came(chunk: Buffer, isShared: boolean): void {
    // It does not wait for long, and no second one comes.
    if (this.#reader.isInflating) this.#socket.pause();
    this.#reader.push(chunk, isShared);
  }

  /** The client has ended its half: what it does not take of the rest soon, it never will. */
  ended(): void {
    this.#endsLater = this.#reader.isInflating;
    if (this.#endsLater) return;
    if (this.connection !== undefined) Connection.halfClosed(this.connection);
    this.#state = 'closing';
    this.#socket.setTimeout(halfClosedTimeoutMs, destroyThis);
    this.#socket.end();
  }

  gone(): void {
    this.#state = 'closing';
    this.#isGone = true;
    clearTimeout(this.#closeTimer);
    // Read while it was paused.
    const rest =
      this.#socket.readableLength > 0 && !this.#isConcluded
        ? (this.#socket.read(this.#socket.readableLength) as Buffer | null)
        : null;
    if (rest !== null) this.#reader.push(rest, false);
    if (!this.#reader.isInflating) this.#closed();
  }

  #closed(): void {
    this.#state = 'closed';
    this.#inflater?.cleanup();
    if (this.connection !== undefined) Connection.closed(this.connection, this.#closeCode, this.#closeReason);
  }
}

function onEnd(this: OwnSocket): void {
  this.gatewaySocket?.ended();
}

function onClose(this: OwnSocket): void {
  this.gatewaySocket?.gone();
}

/** A reset, or a write to somebody who has gone; `close` follows. */
function onError(this: OwnSocket): void {
  this.destroy();
}

function destroyThis(this: Socket): void {
  this.destroy();
}

function destroy(socket: Socket): void {
  socket.destroy();
}
