import type { MessageKind } from '../../broker/broker.ts';
import type { Log } from '../../lib/log.ts';
import type { Counts } from '../../metrics/counts.ts';
import { internalErrorReason } from '../close-codes.ts';
import type { Connection } from '../connection.ts';

/** Calls apps' handlers. What one throws is logged and counted and closes its connection with 1011, and nothing else. */
export class AppCalls {
  readonly #log: Log;
  readonly #counts: Counts;

  constructor(log: Log, counts: Counts) {
    this.#log = log;
    this.#counts = counts;
  }

  /** @returns what an asynchronous `onMessage` answered, for the dispatcher to wait for */
  message(connection: Connection, data: Buffer, kind: MessageKind): Promise<unknown> | undefined {
    try {
      const result = connection.handlers.onMessage?.(connection, data, kind);
      // A program without types may return anything, such as what `send` answered.
      return result instanceof Promise ? result : undefined;
    } catch (error) {
      this.failed(connection, error);
      return undefined;
    }
  }

  drained(connection: Connection): void {
    this.#call(connection, () => connection.handlers.onDrain?.(connection));
  }

  closed(connection: Connection, code: number, reason: string): void {
    this.#call(connection, () => connection.handlers.onClose?.(connection, code, reason));
  }

  failed(connection: Connection, error: unknown): void {
    this.logged(error, connection.id);
    connection.close(1011, internalErrorReason(connection.id));
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
}
