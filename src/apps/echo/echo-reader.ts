import type { Connection } from '../../gateway/connection.ts';

/** Reading pauses when this many bytes wait for the client; one more packet's worth of messages may still follow. */
const pauseAboveBytes = 256 * 1024;

/** A client that makes no headway for this long is not slow but gone. */
const stallMs = 60_000;

interface Stall {
  readonly timer: NodeJS.Timeout;
  bufferedBytes: number;
}

/**
 * Back-pressure for clients that send faster than they read. What they get is what they sent, so they are slowed down
 * rather than closed as slow consumers: nothing is read from them until they have taken what waits.
 */
export class EchoReader {
  readonly #stallMs: number;
  readonly #stalls = new Map<Connection, Stall>();

  constructor(stallAfterMs: number = stallMs) {
    this.#stallMs = stallAfterMs;
  }

  /** Connections that are not read at the moment. */
  get paused(): number {
    return this.#stalls.size;
  }

  sent(connection: Connection): void {
    const { bufferedBytes } = connection;
    if (bufferedBytes <= Math.min(pauseAboveBytes, connection.limits.outboxBytes / 2) || this.#stalls.has(connection))
      return;
    connection.pause();
    this.#stalls.set(connection, { bufferedBytes, timer: setInterval(() => this.#check(connection), this.#stallMs) });
  }

  drained(connection: Connection): void {
    if (this.#forget(connection)) connection.resume();
  }

  closed(connection: Connection): void {
    this.#forget(connection);
  }

  close(): void {
    for (const connection of this.#stalls.keys()) this.drained(connection);
  }

  /** Nobody else would notice: the heartbeat cannot judge a client that is not read. */
  #check(connection: Connection): void {
    const stall = this.#stalls.get(connection);
    if (stall !== undefined && connection.bufferedBytes < stall.bufferedBytes)
      stall.bufferedBytes = connection.bufferedBytes;
    else connection.close(1013, `slow consumer: took nothing for ${this.#stallMs / 1000} seconds`);
  }

  #forget(connection: Connection): boolean {
    const stall = this.#stalls.get(connection);
    clearInterval(stall?.timer);
    return this.#stalls.delete(connection);
  }
}
