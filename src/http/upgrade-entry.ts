import type { IncomingMessage } from 'node:http';
import type { Counts } from '../metrics/counts.ts';
import type { UnfinishedLine } from './access-line.ts';
import { endLine } from './access-line.ts';
import { type AccessWriter, type Arrival, arrivalOf, clientGone, lineOf } from './access-log.ts';

const entries = new WeakMap<IncomingMessage, UpgradeEntry>();

/** What is kept of a handshake for the access log and the metrics, while the listener's request lives. */
export function upgradeEntryOf(request: IncomingMessage): UpgradeEntry | undefined {
  return entries.get(request);
}

/** What a handshake needs only until it has been answered. */
interface Handshake {
  readonly request: IncomingMessage;
  readonly arrival: Arrival;
  /** Written on this socket before, as answers to earlier requests; those may still be under way. */
  bytesBefore: number;
  readonly onSocketClosed: () => void;
  readonly counts: Counts | undefined;
}

/**
 * One line of the access log for one WebSocket handshake: at once when it was refused, else when the connection has
 * ended. While the connection lives this is one small object with its prepared line; the request is let go.
 */
export class UpgradeEntry {
  readonly #writer: AccessWriter | undefined;
  readonly #startedMs = performance.now();
  #handshake: Handshake | undefined;
  #line: UnfinishedLine | undefined;

  constructor(request: IncomingMessage, writer?: AccessWriter, counts?: Counts) {
    const onSocketClosed = (): void => this.#unanswered();
    this.#writer = writer;
    this.#handshake = {
      request,
      arrival: arrivalOf(request),
      bytesBefore: Infinity,
      onSocketClosed,
      counts,
    };
    entries.set(request, this);
    request.socket.once('close', onSocketClosed);
  }

  /** This entry, if it wants to hear of the connection's end. */
  get watcher(): this | undefined {
    return this.#writer === undefined ? undefined : this;
  }

  get isAnswered(): boolean {
    return this.#handshake === undefined;
  }

  /** Everything asked before on this connection has been answered: what is written from now on answers the handshake. */
  takeTurn(): void {
    if (this.#handshake !== undefined) this.#handshake.bytesBefore = this.#handshake.request.socket.bytesWritten;
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
    if (handshake !== undefined) this.#line = lineOf(handshake.request, handshake.arrival);
  }

  closed(connection: { readonly bytesSent: number }, closeCode: number): void {
    if (this.#line !== undefined) this.#write(this.#line, 101, connection.bytesSent, closeCode);
  }

  /** The socket has closed and none of us said why: the gateway found the handshake malformed, or the client left. */
  #unanswered(): void {
    const handshake = this.#answered();
    if (handshake === undefined) return;
    const status = handshake.request.socket.bytesWritten > handshake.bytesBefore ? 400 : clientGone;
    this.#write(lineOf(handshake.request, handshake.arrival), status, undefined);
  }

  #answered(): Handshake | undefined {
    const handshake = this.#handshake;
    this.#handshake = undefined;
    handshake?.request.socket.off('close', handshake.onSocketClosed);
    return handshake;
  }

  #write(line: UnfinishedLine, status: number, bytes: number | undefined, closeCode?: number): void {
    this.#writer?.write(endLine(line, status, bytes, performance.now() - this.#startedMs, closeCode));
  }
}
