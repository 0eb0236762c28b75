import type { MessageKind } from '../broker/broker.ts';
import type { Log } from '../lib/log.ts';
import type { Counts } from '../metrics/counts.ts';
import type { Connection } from './connection.ts';
import { HandlerQueue } from './handler-queue.ts';

/** Calls apps' handlers. What one throws is logged and counted and closes its connection with 1011, and nothing else. */
export class AppCalls {
  readonly #log: Log;
  readonly #counts: Counts;

  constructor(log: Log, counts: Counts) {
    this.#log = log;
    this.#counts = counts;
  }

  /** Hands a message to `onMessage`, or lets it wait while too many of the connection's handlers are under way. */
  message(connection: Connection, data: Buffer, kind: MessageKind): void {
    if (connection.handlerQueue?.isFull === true) connection.handlerQueue.push({ data, kind });
    else this.#message(connection, data, kind);
  }

  drained(connection: Connection): void {
    this.#call(connection, () => connection.handlers.onDrain?.(connection));
  }

  closed(connection: Connection, code: number, reason: string): void {
    this.#call(connection, () => connection.handlers.onClose?.(connection, code, reason));
  }

  failed(connection: Connection, error: unknown): void {
    this.logged(error, connection.id);
    connection.close(1011, 'internal error');
  }

  logged(error: unknown, connectionId?: string): void {
    this.#counts.appErrors++;
    this.#log.error({ event: 'app-error', connection: connectionId, err: error }, "an app's handler failed");
  }

  #call(connection: Connection, handler: () => void | Promise<unknown>): void {
    try {
      const result = handler();
      if (result instanceof Promise) result.catch((error: unknown) => this.failed(connection, error));
    } catch (error) {
      this.failed(connection, error);
    }
  }

  #message(connection: Connection, data: Buffer, kind: MessageKind): void {
    try {
      const result = connection.handlers.onMessage?.(connection, data, kind);
      // A program without types may return anything, such as what `send` answered.
      if (result instanceof Promise) this.#follow(connection, result);
    } catch (error) {
      this.failed(connection, error);
    }
  }

  #follow(connection: Connection, result: Promise<unknown>): void {
    const queue = (connection.handlerQueue ??= new HandlerQueue(connection));
    queue.began();
    void result
      .catch((error: unknown) => this.failed(connection, error))
      .then(() => {
        for (let next = queue.ended(); next !== undefined; next = queue.next()) {
          this.#message(connection, next.data, next.kind);
        }
        if (queue.isIdle) connection.handlerQueue = undefined;
      });
  }
}
