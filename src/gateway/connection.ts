import type { Socket } from 'node:net';
import type { Identity } from '../auth/identity.ts';
import type { MessageKind } from '../broker/broker.ts';
import type { Counts } from '../metrics/counts.ts';
import { fitCloseReason, isSendableCloseCode, tooFast } from './close-codes.ts';
import type { ConnectionFacts, ConnectionOwner } from './connection-owner.ts';
import type { Encoding } from './encoding.ts';
import type { Entry } from './sending/entry.ts';
import { type Frame, pingFrame, pongFrame } from './sending/frame.ts';
import type { ConnectionLimits } from './gateway-options.ts';
import type { GatewaySocket } from './gateway-socket.ts';
import type { ConnectionWatcher, HandshakeOptions } from './handshake-options.ts';
import { Inbox, type InboxOwner, type ReceivedMessage } from './receiving/inbox.ts';
import { Intake } from './receiving/intake.ts';
import { Pace } from './receiving/pace.ts';
import type { Joinings } from './joining.ts';
import { Outbox, type OutboxOwner } from './sending/outbox.ts';
import { Shedding, type Newcomer, type Shed, type SheddingParts } from './sending/shedding.ts';

/** One client's WebSocket session on this worker. Made by `Gateway.handshake`. */
export class Connection implements OutboxOwner, InboxOwner {
  readonly id: string;
  readonly address: string;
  readonly identity: Identity | undefined;
  readonly encoding: Encoding;
  readonly limits: ConnectionLimits;
  readonly handlers: HandshakeOptions;
  /** The subscriptions it is in; kept by the gateway. */
  subscriptions: Joinings | undefined;
  /** What of its messages is under way or waits; kept by the dispatcher. */
  intake: Intake | undefined;
  /** Its close began on this side; kept by itself. */
  isClosedHere = false;
  readonly #owner: ConnectionOwner;
  readonly #webSocket: GatewaySocket;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #windowBits: number;
  readonly #watcher: ConnectionWatcher | undefined;
  readonly #inbox: Inbox | undefined;
  /** There while it is behind and a policy has decided what waits. */
  #shedding: Shedding | undefined;
  #bytesReadAtLastPing = -1;
  #closeCode = 0;
  #closeReason = '';
  #pausedByApp = false;
  #held = false;
  #isMakingRoom = false;
  #isDismissed = false;

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
    this.#outbox = new Outbox(socket, facts.windowBits, owner.sending, this);
    webSocket.connection = this;
    this.#inbox = handlers.readEvents === false ? new Inbox(webSocket, this) : undefined;
  }

  /** Answers the handshake. To be called once, before anything is sent. */
  begin(answer: Buffer): void {
    this.#outbox.begin(answer);
  }

  get subprotocol(): string {
    return this.#webSocket.protocol;
  }

  /** Whether messages can still be sent. */
  get open(): boolean {
    return this.#webSocket.isOpen;
  }

  /** Bytes that wait for this client and that the kernel has not taken. */
  get bufferedBytes(): number {
    return this.#outbox.bytes;
  }

  /** Bytes the client has been sent on this connection, handshake and frame headers included. */
  get bytesSent(): number {
    return this.#socket.bytesWritten;
  }

  /** How fast it sends; undefined where that is not limited. */
  get pace(): Pace | undefined {
    const { limits } = this;
    if (limits.messagesPerSecond === 0 && limits.bytesPerSecond === 0) return undefined;
    return ((this.intake ??= new Intake()).pace ??= new Pace(limits));
  }

  /**
   * Pull mode: the next message, in order; undefined when the connection has closed and every message was taken.
   * @throws Error when the connection was made with `readEvents` on
   */
  receive(): Promise<ReceivedMessage | undefined> {
    if (this.#inbox === undefined) throw new Error('receive() needs a handshake with readEvents: false');
    const inbox = this.#inbox;
    const room = this.#owner.dispatcher.room();
    return room === undefined ? inbox.next() : room.then(() => inbox.next());
  }

  /** Stops reading, so that TCP slows the client down; messages of what was read already still come. For the push mode. */
  pause(): void {
    this.#pausedByApp = true;
    this.#webSocket.pause();
  }

  resume(): void {
    this.#pausedByApp = false;
    this.readOn();
  }

  /** The gateway's own pause, which the app's `resume` does not end. */
  hold(): void {
    this.#held = true;
    this.#webSocket.pause();
  }

  release(): void {
    this.#held = false;
    if (this.#inbox?.isAwaited !== false) this.readOn();
  }

  /** Part of `InboxOwner`. */
  readOn(): void {
    if (!this.#held && !this.#pausedByApp) this.#webSocket.resume();
  }

  /**
   * Begins an orderly close; what was sent before goes out first. A reason over 123 bytes of UTF-8 is cut.
   * @throws RangeError when the code may not be sent (RFC 6455 §7.4)
   */
  close(code = 1000, reason = ''): void {
    if (!isSendableCloseCode(code))
      throw new RangeError(`close code ${code}: expected 1000-1003, 1007-1014 or 3000-4999`);
    this.intake?.discard();
    this.isClosedHere ||= this.open;
    this.#webSocket.close(code, fitCloseReason(reason));
  }

  /**
   * As `close`, for a client that has done nothing to be closed for: what it sent before is handled, and so is what it
   * sends until it has heard of the close.
   */
  dismiss(code: number, reason: string): void {
    this.#isDismissed = true;
    this.isClosedHere ||= this.open;
    this.#webSocket.close(code, fitCloseReason(reason));
  }

  /** Ends the connection at once, without a close frame. */
  terminate(): void {
    this.intake?.discard();
    this.#webSocket.terminate();
  }

  /**
   * Puts a frame in the outbox. Where it is of a subscription, whose policy says what happens when there is no room.
   * @param isPromised it cannot be left out, whatever the policy
   * @returns false when the connection is gone, was just closed as a slow consumer, or is spared and stays without it
   */
  enqueue(frame: Frame, counts: Counts, isPromised = false): boolean {
    if (!this.open) return false;
    const bytes = frame.bytesFor(this.#windowBits);
    if (!this.#push(frame, bytes, isPromised)) return false;
    counts.messagesSent++;
    counts.bytesSent += bytes.length;
    return true;
  }

  /** Has the frame's bytes made for when it is enqueued. */
  prepare(frame: Frame | undefined): void {
    frame?.bytesFor(this.#windowBits);
  }

  /**
   * Puts frames in the outbox, all or none: where there is no room the connection is closed.
   * @param mostBytes headers included
   * @returns false when they are more
   */
  enqueueAll(frames: readonly Frame[], counts: Counts, mostBytes: number): boolean {
    const bytes = frames.reduce((sum, frame) => sum + frame.bytesFor(this.#windowBits).length, 0);
    if (bytes > mostBytes) return false;
    for (const frame of frames) if (!this.enqueue(frame, counts, true)) break;
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
    if (this.open) this.#outbox.push(pingFrame, pingFrame.bytesFor(this.#windowBits));
    return true;
  }

  /** Has a policy decide what waits, with a newcomer. To be called from `overflowed` and `keepLatest`. */
  shed(newcomer: Omit<Newcomer, 'totalBytes'>, note: SheddingParts['note']): Shed {
    const parts = { windowBits: this.#windowBits, capBytes: this.limits.outboxBytes, note };
    const shedding = (this.#shedding ??= new Shedding(parts));
    const totalBytes = this.#outbox.bytes;
    return this.#outbox.edit((waiting) => shedding.admit(waiting, { ...newcomer, totalBytes }));
  }

  /** Calls back when the kernel has taken all that waits now, or the connection is gone. */
  whenTaken(callback: () => void): void {
    this.#outbox.whenTaken(callback);
  }

  /** Called by the socket when a close begins, by either side. */
  leave(code: number, reason: string): void {
    if (this.#closeCode === 0) this.#owner.dispatcher.ending(this);
    // Also where a handler has closed it just now.
    if (this.#closeCode !== 0) return;
    this.#closeCode = code;
    this.#closeReason = reason;
    this.#outbox.release();
    // A paused reader would never see the client's answer to the close.
    this.#webSocket.resume();
    this.#owner.left(this);
  }

  /** Part of `OutboxOwner`. */
  emptied(): void {
    this.#shedding = undefined;
    // More is about to be given; it will be empty again.
    if (this.#isMakingRoom) return;
    if (this.handlers.onDrain !== undefined && this.open) this.#owner.drained(this);
  }

  /** One message is taken whatever its size when nothing else waits: a client that reads is never a slow one. */
  #push(entry: Entry, bytes: Buffer, isPromised = false): boolean {
    const outbox = this.#outbox;
    const cap = this.limits.outboxBytes;
    if (outbox.isBehind && entry.content === 'publication' && !isPromised) {
      const outcome = this.#owner.keepLatest(this, entry);
      if (outcome !== undefined) return outcome === 'queued';
    }
    if (!outbox.hasRoom(bytes.length, cap)) {
      // What this turn has given may go out at once.
      this.#isMakingRoom = true;
      outbox.flush();
      this.#isMakingRoom = false;
      // Who waited for that may have closed it.
      if (!this.open) return false;
      if (!outbox.hasRoom(bytes.length, cap)) {
        const outcome = this.#owner.overflowed(this, isPromised ? undefined : entry);
        if (outcome === 'closed') this.#overflow();
        return outcome === 'queued';
      }
    }
    outbox.push(entry, bytes);
    this.#shedding?.queued(entry, bytes.length);
    return true;
  }

  /** @returns false when the client sends faster than it may, and is being closed; one that was dismissed is so already */
  #keepsPace(bytes: number): boolean {
    const excess = this.#isDismissed ? undefined : this.pace?.exceededBy(bytes);
    if (excess === undefined) return true;
    this.#owner.exceeded(excess.limit);
    this.close(tooFast, excess.reason);
    return false;
  }

  #overflow(): void {
    this.#owner.exceeded('outbox-bytes');
    this.#outbox.discard();
    this.close(1013, `slow consumer: more than ${this.limits.outboxBytes} bytes were waiting`);
  }

  #closed(code: number, reason: string): void {
    this.leave(code, reason);
    this.#outbox.discard();
    this.#inbox?.end();
    this.#owner.closed(this, this.#closeCode, this.#closeReason);
    this.#watcher?.closed(this, this.#closeCode);
  }

  #received(data: Buffer, kind: MessageKind): void {
    if ((!this.open && !this.#isDismissed) || !this.#keepsPace(data.length)) return;
    this.#owner.received(this, data, kind);
    if (this.#inbox === undefined) return;
    this.#inbox.put({ data, kind });
    this.#owner.dispatcher.taken(this, data);
  }

  // What the socket tells.

  static received(connection: Connection, data: Buffer, isBinary: boolean): void {
    connection.#received(data, isBinary ? 'binary' : 'text');
  }

  static pinged(connection: Connection, payload: Buffer): void {
    if (!connection.open || !connection.#keepsPace(payload.length)) return;
    const pong = pongFrame(payload);
    connection.#push(pong, pong.bytesFor(connection.#windowBits));
    connection.#owner.dispatcher.control(connection);
  }

  static ponged(connection: Connection, payload: Buffer): void {
    if (connection.open && connection.#keepsPace(payload.length)) connection.#owner.dispatcher.control(connection);
  }

  static sentTooLong(connection: Connection): void {
    connection.#owner.exceeded('message-bytes');
  }

  static halfClosed(connection: Connection): void {
    if (connection.open) connection.#outbox.release();
  }

  static closed(connection: Connection, code: number, reason: string): void {
    connection.#closed(code, reason);
  }
}
