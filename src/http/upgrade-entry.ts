import type { IncomingMessage } from 'node:http';
import type { Counts, HandshakeRefusal } from '../metrics/counts.ts';
import type { UnfinishedLine } from './access-line.ts';
import { endLine } from './access-line.ts';
import { type AccessWriter, type Arrival, arrivalOf, clientGone, lineOf } from './access-log.ts';
import { type Answer, internalError, rawAnswer, stopping } from './answer.ts';
import { endSocket, ignoreError } from './end-socket.ts';
import { ListenerRequest } from './listener-request.ts';

/** What is kept of a handshake for the access log and the metrics. */
export function upgradeEntryOf(request: IncomingMessage): UpgradeEntry | undefined {
  return request instanceof ListenerRequest ? request.upgradeEntry : undefined;
}

/** Is told when somebody whom it has let in is gone. */
export interface Door {
  left(address: string): void;
}

/** What a handshake needs only until it has been answered. */
interface Handshake {
  readonly request: ListenerRequest;
  readonly arrival: Arrival;
  onSocketClosed: (() => void) | undefined;
  onAnswered: (() => void) | undefined;
  readonly counts: Counts | undefined;
}

/**
 * One line of the access log for one WebSocket handshake: at once when it was refused, else when the connection has
 * ended. While the connection lives this is one small object with its prepared line; the request is let go.
 */
export class UpgradeEntry {
  readonly #writer: AccessWriter | undefined;
  #door: Door | undefined;
  /** Whole milliseconds: a fraction would be an object of its own. */
  readonly #startedMs = Math.round(performance.now());
  /** Until the handshake has been answered what belongs to it, then the line of its connection. */
  #state: Handshake | UnfinishedLine | undefined;

  constructor(request: ListenerRequest, writer?: AccessWriter, counts?: Counts) {
    this.#writer = writer;
    this.#state = {
      request,
      arrival: arrivalOf(request),
      onSocketClosed: undefined,
      onAnswered: undefined,
      counts,
    };
    request.upgradeEntry = this;
  }

  /** The id of its request, which the connection takes over. Empty once the handshake has been answered. */
  get id(): string {
    return typeof this.#state === 'object' ? this.#state.request.id : '';
  }

  get isAnswered(): boolean {
    return typeof this.#state !== 'object';
  }

  /**
   * To be called in the turn in which the request came, when it has not been answered by then: the client may leave
   * before it is, and Node hands the socket over without an error listener. Most are answered at once and need neither.
   * @param onAnswered called once it has been answered, or the client has left
   */
  awaitAnswer(onAnswered: () => void): void {
    const handshake = this.#state;
    if (typeof handshake !== 'object') return onAnswered();
    const { socket } = handshake.request;
    handshake.onAnswered = onAnswered;
    handshake.onSocketClosed = () => this.#unanswered();
    socket.on('error', ignoreError);
    socket.once('close', handshake.onSocketClosed);
  }

  /** @param door to be told when the handshake has been refused or its connection has ended */
  admittedBy(door: Door): void {
    this.#door = door;
  }

  /** The gateway refuses the handshake, and has counted that. */
  refuse(refusal: Refusal): void {
    if (typeof this.#state !== 'object') return;
    const { request } = this.#state;
    const answer = answerTo(refusal, request.id);
    this.refused(answer.status, Buffer.byteLength(answer.text));
    endSocket(request.socket, rawAnswer(answer, request.id));
  }

  /** @param reason undefined: it has been counted */
  refused(status: number, bytes: number, reason?: HandshakeRefusal): void {
    const handshake = this.#answered();
    if (handshake === undefined) return;
    if (reason !== undefined) handshake.counts?.countHandshakeRefused(reason);
    this.#door?.left(handshake.arrival.address);
    this.#write(handshake.request.id, lineOf(handshake.request, handshake.arrival), status, bytes);
  }

  /** The gateway accepted the handshake. */
  opened(): void {
    const handshake = this.#answered();
    if (handshake !== undefined && this.#writer !== undefined)
      this.#state = lineOf(handshake.request, handshake.arrival);
  }

  closed(
    connection: { readonly id: string; readonly address: string; readonly bytesSent: number },
    closeCode: number,
  ): void {
    this.#door?.left(connection.address);
    if (typeof this.#state === 'string') this.#write(connection.id, this.#state, 101, connection.bytesSent, closeCode);
  }

  /** The socket has closed and none of us said why: the client has left. */
  #unanswered(): void {
    const handshake = this.#answered();
    if (handshake === undefined) return;
    handshake.counts?.countHandshakeRefused('abandoned');
    this.#door?.left(handshake.arrival.address);
    this.#write(handshake.request.id, lineOf(handshake.request, handshake.arrival), clientGone, undefined);
  }

  #answered(): Handshake | undefined {
    const handshake = this.#state;
    if (typeof handshake !== 'object') return undefined;
    this.#state = undefined;
    handshake.request.upgradeEntry = undefined;
    const { request, onSocketClosed, onAnswered } = handshake;
    if (onSocketClosed !== undefined) request.socket.off('close', onSocketClosed).off('error', ignoreError);
    onAnswered?.();
    return handshake;
  }

  #write(id: string, line: UnfinishedLine, status: number, bytes: number | undefined, closeCode?: number): void {
    this.#writer?.write(endLine(line, status, bytes, performance.now() - this.#startedMs, id, closeCode));
  }
}

/** As the gateway says it. */
type Refusal = 'stopping' | 'failed' | Answer;

function answerTo(refusal: Refusal, id: string): Answer {
  if (refusal === 'stopping') return stopping();
  return refusal === 'failed' ? internalError(id) : refusal;
}
