/** The transport of browsers: their built-in WebSocket. It cannot pause, and does not say why an opening failed. */
import { ConnectError, InvalidOptionError, SubprotocolError } from './client-errors.ts';
import type { ClientError } from './client-errors.ts';
import type { Message } from './client-options.ts';
import type { Target, Transport, TransportEvents } from './transport.ts';

/** The part of WHATWG's WebSocket used here, declared so that this file needs no DOM types. */
interface PlatformSocket {
  binaryType: string;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  send(data: Message): void;
  close(code?: number, reason?: string): void;
}

declare const WebSocket: new (url: string, subprotocols: string[]) => PlatformSocket;

const openReadyState = 1;

export function connectByBrowser(target: Target, events: TransportEvents): Transport {
  for (const name of ['headers', 'tls'] as const) {
    if (target[name] !== undefined) {
      throw new InvalidOptionError(`${name} is set, but a browser lets no script choose it; expected it on Node only`);
    }
  }
  return new BrowserTransport(target, events);
}

class BrowserTransport implements Transport {
  readonly flow = undefined;
  readonly #socket: PlatformSocket;
  readonly #target: Target;
  readonly #events: TransportEvents;
  #isOpen = false;

  constructor(target: Target, events: TransportEvents) {
    this.#target = target;
    this.#events = events;
    this.#socket = new WebSocket(target.url, [...target.subprotocols]);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = () => this.#opened();
    this.#socket.onmessage = ({ data }) => {
      if (typeof data === 'string') events.message(data);
      else if (data instanceof ArrayBuffer) events.message(new Uint8Array(data));
    };
    this.#socket.onclose = ({ code, reason }) => {
      if (this.#isOpen) events.closed(code, reason);
      else events.failed(this.#openingError());
    };
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(data: Message): boolean {
    if (this.#socket.readyState !== openReadyState) return false;
    this.#socket.send(data);
    return true;
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  abandon(): ClientError | undefined {
    this.#socket.onopen = null;
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#socket.close();
    return undefined;
  }

  #opened(): void {
    const offered = this.#target.subprotocols;
    // Not every browser insists on an answer (RFC 6455 §4.1 leaves it open); Node's transport and Chromium do.
    if (offered.length > 0 && this.#socket.protocol === '') {
      this.abandon();
      this.#events.failed(
        new SubprotocolError(`${this.#target.displayUrl} chose no subprotocol; expected one of ${offered.join(', ')}`),
      );
      return;
    }
    this.#isOpen = true;
    this.#events.opened(this.#socket.protocol);
  }

  #openingError(): ClientError {
    return new ConnectError(
      `cannot open ${this.#target.displayUrl}: the server is not reachable, its certificate is not trusted, or it ` +
        `refused the handshake; a browser tells only its own console which`,
    );
  }
}
