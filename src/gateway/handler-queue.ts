import { RingQueue } from '../lib/ring-queue.ts';
import type { Connection } from './connection.ts';
import type { ReceivedMessage } from './inbox.ts';

/** Most `onMessage` calls of one connection that may be under way. */
const mostUnsettled = 64;

/**
 * Back-pressure from an app to a client: above `mostUnsettled` asynchronous handlers the connection is not read, and
 * what had been read by then, one chunk of the socket's, waits here in order. A connection has one only while handlers
 * are under way.
 */
export class HandlerQueue {
  readonly #connection: Connection;
  readonly #waiting = new RingQueue<ReceivedMessage>();
  #unsettled = 0;
  #holds = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get isFull(): boolean {
    return this.#holds;
  }

  get isIdle(): boolean {
    return this.#unsettled === 0 && this.#waiting.length === 0;
  }

  push(message: ReceivedMessage): void {
    this.#waiting.push(message);
  }

  began(): void {
    this.#unsettled++;
    if (this.#holds || this.#unsettled < mostUnsettled) return;
    this.#holds = true;
    this.#connection.hold();
  }

  /** @returns the next message to handle, if one waits */
  ended(): ReceivedMessage | undefined {
    this.#unsettled--;
    return this.next();
  }

  /** A message that waits, as long as there is room; reading goes on when none does. */
  next(): ReceivedMessage | undefined {
    if (this.#unsettled >= mostUnsettled) return undefined;
    const message = this.#waiting.shift();
    if (message === undefined && this.#holds) {
      this.#holds = false;
      this.#connection.release();
    }
    return message;
  }
}
