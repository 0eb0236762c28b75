import type { IncomingMessage } from 'node:http';
import type { Counts } from '../metrics/counts.ts';
import type { UnfinishedLine } from './access-line.ts';
import { endLine } from './access-line.ts';
import { type AccessWriter, type Arrival, arrivalOf, clientGone, lineOf } from './access-log.ts';
import { ignoreError } from './end-socket.ts';
import { ListenerRequest } from './listener-request.ts';

/** What is kept of a handshake for the access log and the metrics. */
export function upgradeEntryOf(request: IncomingMessage): UpgradeEntry | undefined {
  return request instanceof ListenerRequest ? request.upgradeEntry : undefined;
}

/** What a handshake needs only until it has been answered. */
interface Handshake {
  readonly request: ListenerRequest;
  readonly arrival: Arrival;
  /** Written on this socket before, as answers to earlier requests; those may still be under way. */
  bytesBefore: number;
  onSocketClosed: (() => void) | undefined;
  readonly counts: Counts | undefined;
}

/**
 * One line of the access log for one WebSocket handshake: at once when it was refused, else when the connection has
 * ended. While the connection lives this is one small object with its prepared line; the request is let go.
 */
export class UpgradeEntry {
  readonly #writer: AccessWriter | undefined;
  /** Whole milliseconds: a fraction would be an object of its own. */
  readonly #startedMs = Math.round(performance.now());
  /** Until the handshake has been answered what belongs to it, then the line of its connection. */
  #state: Handshake | UnfinishedLine | undefined;

  constructor(request: ListenerRequest, writer?: AccessWriter, counts?: Counts) {
    this.#writer = writer;
    this.#state = { request, arrival: arrivalOf(request), bytesBefore: Infinity, onSocketClosed: undefined, counts };
    request.upgradeEntry = this;
  }

  get isAnswered(): boolean {
    return typeof this.#state !== 'object';
  }

  /** Everything asked before on this connection has been answered: what is written from now on answers the handshake. */
  takeTurn(): void {
    if (typeof this.#state === 'object') this.#state.bytesBefore = this.#state.request.socket.bytesWritten;
  }

  /**
   * To be called in the turn in which the request came, when it has not been answered by then: the client may leave
   * before it is, and Node hands the socket over without an error listener. Most are answered at once and need neither.
   */
  awaitAnswer(): void {
    const handshake = this.#state;
    if (typeof handshake !== 'object') return;
    const { socket } = handshake.request;
    handshake.onSocketClosed = () => this.#unanswered();
    socket.on('error', ignoreError);
    socket.once('close', handshake.onSocketClosed);
  }

  /** The handshake was refused by one of us; the gateway counts its own refusals. */
  refused(status: number, bytes: number): void {
    const handshake = this.#answered();
    if (handshake === undefined) return;
    if (handshake.counts !== undefined) handshake.counts.handshakesRefused++;
    this.#write(lineOf(handshake.request, handshake.arrival), status, bytes);
  }

  /** The gateway accepted the handshake. */
  opened(): void {
    const handshake = this.#answered();
    if (handshake !== undefined && this.#writer !== undefined)
      this.#state = lineOf(handshake.request, handshake.arrival);
  }

  closed(connection: { readonly bytesSent: number }, closeCode: number): void {
    if (typeof this.#state === 'string') this.#write(this.#state, 101, connection.bytesSent, closeCode);
  }

  /** The socket has closed and none of us said why: the gateway found the handshake malformed, or the client left. */
  #unanswered(): void {
    const handshake = this.#answered();
    if (handshake === undefined) return;
    const status = handshake.request.socket.bytesWritten > handshake.bytesBefore ? 400 : clientGone;
    this.#write(lineOf(handshake.request, handshake.arrival), status, undefined);
  }

  #answered(): Handshake | undefined {
    const handshake = this.#state;
    if (typeof handshake !== 'object') return undefined;
    this.#state = undefined;
    handshake.request.upgradeEntry = undefined;
    const { request, onSocketClosed } = handshake;
    if (onSocketClosed !== undefined) request.socket.off('close', onSocketClosed).off('error', ignoreError);
    return handshake;
  }

  #write(line: UnfinishedLine, status: number, bytes: number | undefined, closeCode?: number): void {
    this.#writer?.write(endLine(line, status, bytes, performance.now() - this.#startedMs, closeCode));
  }
}
