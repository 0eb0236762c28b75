import { fullJitterDelayMs } from '../lib/backoff.ts';
import {
  ClientError,
  ClosedError,
  ConnectError,
  InboxFullError,
  InvalidOptionError,
  OpenTimeoutError,
} from './client-errors.ts';
import type { ClientState, CloseInfo, Message, StateChange } from './client-options.ts';
import { Inbox, lengthOf } from './inbox.ts';
import type { Settings } from './resolve-options.ts';
import { hintedDelayMs, isWorthRetrying } from './retry-advice.ts';
import type { Connect, Target, Transport, TransportEvents } from './transport.ts';

/** A connection that lasted this long was a good one: the next loss starts with the shortest delay again. */
const goodConnectionMs = 5_000;

/** Private code (RFC 6455 §7.4.2): a browser may not close with 1009. */
const inboxFullCode = 4009;

/** Opens a client over `connect`; rejects with a `ClientError` when the first opening fails. */
export function openClient(settings: Settings, connect: Connect): Promise<Client> {
  return new Promise((resolve, reject) => {
    // The client hands itself over when it is open.
    new Client(settings, connect, resolve, reject);
  });
}

/**
 * A WebSocket client: one connection, or with `reconnect` one after the other. Messages are received in the order in
 * which the server sent them; what the server sends while there is no connection is not received.
 */
export class Client {
  /** Resolves, never rejects, when the client is closed for good. */
  readonly closed: Promise<CloseInfo>;

  readonly #settings: Settings;
  readonly #connect: Connect;
  readonly #inbox = new Inbox();
  readonly #events: TransportEvents;
  #resolveOpen: ((client: Client) => void) | undefined;
  readonly #rejectOpen: (error: ClientError) => void;
  #resolveClosed: (end: CloseInfo) => void = () => {};

  /** `reconnecting` before the first connection too; only with `fromStart` anybody sees it then. */
  #state: ClientState = 'reconnecting';
  #transport: Transport | undefined;
  #target: Target;
  #hasDialed = false;
  #subprotocol = '';
  #isPaused = false;
  /** Openings tried since the last good connection. */
  #attempt = 0;
  #openedAt = 0;
  /** At most one thing is waited for: the opening's deadline, the delay before it, or the close's deadline. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #end: CloseInfo | undefined;

  /** Use `open`. */
  constructor(
    settings: Settings,
    connect: Connect,
    resolveOpen: (client: Client) => void,
    rejectOpen: (error: ClientError) => void,
  ) {
    this.#settings = settings;
    this.#target = settings.target;
    this.#connect = connect;
    this.#resolveOpen = resolveOpen;
    this.#rejectOpen = rejectOpen;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#events = {
      opened: (subprotocol) => this.#opened(subprotocol),
      failed: (error) => this.#failed(error),
      message: (data) => this.#message(data),
      closed: (code, reason, error) => this.#ended({ code, reason, ...(error && { error }) }),
    };
    this.#dial();
  }

  get state(): ClientState {
    return this.#state;
  }

  /** What the server of the present or last connection chose; empty when it chose none. */
  get subprotocol(): string {
    return this.#subprotocol;
  }

  /** Bytes sent that the network has not taken yet; 0 without a connection. */
  get bufferedBytes(): number {
    return this.#transport?.bufferedBytes ?? 0;
  }

  /**
   * Sends one message: a string as text, bytes as binary.
   * @returns true when the connection took it; false when there is none at the moment (reconnecting, or the server is
   *   closing it): the message is not kept
   * @throws ClosedError when the client is closing or closed: no later call can succeed either
   */
  send(data: Message): boolean {
    if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
      throw new InvalidOptionError(`cannot send a value of type ${typeof data}; expected a string or a Uint8Array`);
    }
    if (this.#state === 'closing' || this.#state === 'closed') throw this.#closedError();
    return this.#state === 'open' && (this.#transport?.send(data) ?? false);
  }

  /**
   * The next message; undefined once the client is closed and everything that had arrived is received. Never rejects:
   * why the client closed is told by `closed`. Several pending calls are served in their order.
   */
  receive(): Promise<Message | undefined> {
    const message = this.#inbox.take();
    if (this.#isPaused && this.#inbox.bytes * 2 <= this.#settings.inboxBytes) this.#setPaused(false);
    return message;
  }

  /** `receive` until it answers undefined. Leaving the loop does not close the client. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    for (let message = await this.receive(); message !== undefined; message = await this.receive()) yield message;
  }

  /**
   * Closes for good, without reconnecting; idempotent. Messages that arrive afterwards are dropped, those that arrived
   * before can still be received.
   * @param code 1000 (the default) or 3000–4999
   * @param reason at most 123 bytes of UTF-8; a longer one is cut
   * @returns `closed`
   */
  close(code = 1000, reason = ''): Promise<CloseInfo> {
    if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
      throw new InvalidOptionError(`close code ${String(code)}; expected 1000 or a whole number from 3000 to 4999`);
    }
    if (this.#state === 'open') this.#startClosing({ code, reason: cutReason(reason) });
    else if (this.#state === 'reconnecting') {
      this.#transport?.abandon();
      this.#finish({ code, reason: cutReason(reason) });
    }
    return this.closed;
  }

  /** While waiting to reconnect: tries now, for a page that hears of the network's return. Otherwise does nothing. */
  retryNow(): void {
    if (this.#state === 'reconnecting' && this.#transport === undefined) this.#dial();
  }

  #dial(): void {
    clearTimeout(this.#timer);
    try {
      if (this.#hasDialed) this.#target = this.#settings.nextTarget();
      this.#hasDialed = true;
      this.#transport = this.#connect(this.#target, this.#events);
    } catch (error) {
      this.#failed(
        error instanceof ClientError
          ? error
          : new ConnectError(`cannot connect to ${this.#target.displayUrl}: ${String(error)}`, {
              cause: error,
            }),
      );
      return;
    }
    const { timeoutMs } = this.#settings;
    this.#timer = setTimeout(() => {
      const known = this.#transport?.abandon();
      const message = `${this.#target.displayUrl} did not answer the handshake within ${timeoutMs} ms`;
      this.#failed(known ?? new OpenTimeoutError(message));
    }, timeoutMs);
  }

  #opened(subprotocol: string): void {
    clearTimeout(this.#timer);
    this.#subprotocol = subprotocol;
    this.#openedAt = performance.now();
    this.#state = 'open';
    // Messages of an earlier connection may still fill the inbox.
    if (this.#isPaused) this.#transport?.flow?.pause();
    const resolveOpen = this.#resolveOpen;
    this.#resolveOpen = undefined;
    resolveOpen?.(this);
    this.#report({ state: 'open', reconnected: resolveOpen === undefined });
  }

  #failed(error: ClientError): void {
    const isFirst = this.#resolveOpen !== undefined && this.#settings.reconnect?.fromStart !== true;
    if (!isFirst) return this.#ended({ code: 1006, reason: '', error });
    clearTimeout(this.#timer);
    this.#transport = undefined;
    this.#state = 'closed';
    this.#rejectOpen(error);
  }

  #message(data: Message): void {
    if (this.#state !== 'open') return;
    const { inboxBytes } = this.#settings;
    const flow = this.#transport?.flow;
    if (flow === undefined && this.#inbox.bytes + lengthOf(data) > inboxBytes) {
      const error = new InboxFullError(
        `${this.#target.displayUrl} sent more than was received: over ${inboxBytes} bytes wait`,
      );
      this.#startClosing({ code: inboxFullCode, reason: 'inbox full', error });
      return;
    }
    this.#inbox.push(data);
    if (!this.#isPaused && this.#inbox.bytes >= inboxBytes) this.#setPaused(true);
  }

  #setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (isPaused) this.#transport?.flow?.pause();
    else this.#transport?.flow?.resume();
  }

  #startClosing(end: CloseInfo): void {
    this.#state = 'closing';
    // The server's close frame may wait behind what was not read.
    if (this.#isPaused) this.#setPaused(false);
    // What the client found wrong says more than the code that the server will echo.
    if (end.error !== undefined) this.#end = end;
    this.#transport?.close(end.code, end.reason);
    this.#timer = setTimeout(() => {
      this.#transport?.abandon();
      this.#finish(this.#end ?? { code: 1006, reason: '' });
    }, this.#settings.closeTimeoutMs);
    this.#report({ state: 'closing' });
  }

  #ended(end: CloseInfo): void {
    clearTimeout(this.#timer);
    this.#transport = undefined;
    const { reconnect } = this.#settings;
    if (this.#state === 'open' && performance.now() - this.#openedAt >= goodConnectionMs) this.#attempt = 0;
    const isLast =
      this.#state === 'closing' ||
      reconnect === undefined ||
      this.#attempt >= reconnect.attempts ||
      !isWorthRetrying(end, reconnect.retryCodes);
    if (isLast) return this.#finish(this.#end ?? end);
    const delayMs = hintedDelayMs(end) ?? fullJitterDelayMs(this.#attempt, reconnect);
    this.#attempt++;
    this.#state = 'reconnecting';
    this.#timer = setTimeout(() => this.#dial(), delayMs);
    this.#report({ state: 'reconnecting', attempt: this.#attempt, delayMs, end });
  }

  #finish(end: CloseInfo): void {
    clearTimeout(this.#timer);
    this.#transport = undefined;
    this.#state = 'closed';
    this.#end = end;
    if (this.#resolveOpen !== undefined) this.#rejectOpen(end.error ?? this.#closedError());
    this.#resolveOpen = undefined;
    this.#resolveClosed(end);
    this.#inbox.end();
    this.#report({ state: 'closed', end });
  }

  /** Called last in each transition: the callback may call back. What it throws must not stop the transport's event. */
  #report(change: StateChange): void {
    try {
      this.#settings.onState?.(change, this);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #closedError(): ClosedError {
    const { displayUrl } = this.#target;
    if (this.#state === 'closing' || this.#end === undefined) {
      return new ClosedError(`the client of ${displayUrl} is closing; nothing can be sent any more`);
    }
    const { code, reason, error } = this.#end;
    const why = reason === '' ? String(code) : `${code} ${reason}`;
    return new ClosedError(`the client of ${displayUrl} is closed (${why}); nothing can be sent any more`, {
      cause: error,
    });
  }
}

/** At most 123 bytes of UTF-8 (RFC 6455 §5.5), cut on a code point: `encodeInto` writes whole ones only. */
function cutReason(reason: string): string {
  return reason.slice(0, new TextEncoder().encodeInto(reason, new Uint8Array(123)).read);
}
