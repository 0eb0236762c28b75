import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** What one connection still has to be answered. */
interface AnswerQueue {
  /** Answers in the order of their requests, each with what to do when it is over. */
  readonly answers: Map<ServerResponse, () => void>;
  readonly onSocketClosed: () => void;
  /** Runs after the last of them. */
  next: (() => void) | undefined;
}

/**
 * The answers under way, by connection. Clients may send requests without waiting for the answers to earlier ones
 * (RFC 9112 §9.3.2). Node keeps the order among the answers it makes, but hands out the socket of an upgrade or a
 * CONNECT while earlier answers still wait to be written to it.
 */
export class PendingAnswers {
  readonly #queues = new Map<Duplex, AnswerQueue>();
  #onEmptied: (() => void) | undefined;

  /** @param onOver called once, when the answer is finished or will never be */
  add(socket: Duplex, response: ServerResponse, onOver: () => void): void {
    const queue = this.#queues.get(socket) ?? this.#open(socket);
    queue.answers.set(response, onOver);
    response.once('close', () => this.#over(socket, queue, response));
  }

  /** Whether bytes written to the socket now would end up within or before an earlier answer. */
  isAnswering(socket: Duplex): boolean {
    const answers = this.#queues.get(socket)?.answers.keys() ?? [];
    return [...answers].some((response) => !response.writableFinished);
  }

  /** Runs `next` when all earlier requests on this socket have been answered, unless the connection ends with that. */
  afterLast(socket: Duplex, next: () => void): void {
    const queue = this.#queues.get(socket);
    if (queue === undefined) next();
    else queue.next = next;
  }

  /** Resolves when no answer is under way, after `deadlineMs` at the latest. */
  async settled(deadlineMs: number): Promise<void> {
    if (this.#queues.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#onEmptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends the connections that are not answered yet. */
  abandon(): void {
    for (const socket of this.#queues.keys()) socket.destroy();
  }

  #open(socket: Duplex): AnswerQueue {
    const onSocketClosed = (): void => {
      // Node closes the answer whose turn it is, and forgets those behind it.
      for (const response of queue.answers.keys()) this.#over(socket, queue, response);
    };
    const queue: AnswerQueue = { answers: new Map(), onSocketClosed, next: undefined };
    this.#queues.set(socket, queue);
    socket.once('close', onSocketClosed);
    return queue;
  }

  #over(socket: Duplex, queue: AnswerQueue, response: ServerResponse): void {
    const onOver = queue.answers.get(response);
    if (onOver === undefined) return;
    queue.answers.delete(response);
    onOver();
    if (queue.answers.size > 0) return;
    this.#queues.delete(socket);
    socket.off('close', queue.onSocketClosed);
    if (socket.writable) queue.next?.();
    if (this.#queues.size === 0) this.#onEmptied?.();
  }
}
