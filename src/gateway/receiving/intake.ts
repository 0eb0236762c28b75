import { RingQueue } from '../../lib/ring-queue.ts';
import type { ReceivedMessage } from './inbox.ts';
import type { Pace } from './pace.ts';

/** Most `onMessage` calls of one connection that may be under way, and apart from them most of its multicasts … */
const mostUnderWay = 64;
/** … and while the broker is behind. Whoever publishes then does so one by one, and leaves room to the others. */
const mostWhileBehind = 1;

/**
 * What the dispatcher knows of one connection: how much of what it sent is under way, and what waits for that. A
 * connection has one once a handler of it has not ended at once, or something had to wait.
 */
export class Intake {
  /** Asynchronous handlers that have not settled. */
  handlers = 0;
  /** Multicasts that its handlers began, awaited or not, and that the broker has not settled. */
  multicasts = 0;
  /** In which round of deliveries a handler of it last published something. */
  publishedAt = -1;
  /** The socket is not read. */
  isHeld = false;
  /** It is in the dispatcher's list. */
  isListed = false;
  /** Where its speed is limited. */
  pace: Pace | undefined;
  /** It is gone, and this is told when nothing of it waits any more. */
  farewell: (() => void) | undefined;
  #waiting: RingQueue<ReceivedMessage> | undefined;
  #waitingBytes = 0;

  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  isFree(isBrokerBehind: boolean): boolean {
    const most = isBrokerBehind ? mostWhileBehind : mostUnderWay;
    return this.handlers < most && this.multicasts < most;
  }

  push(message: ReceivedMessage): void {
    this.#waiting ??= new RingQueue();
    this.#waiting.push(message);
    this.#waitingBytes += message.data.length;
  }

  shift(): ReceivedMessage | undefined {
    const message = this.#waiting?.shift();
    if (message === undefined) return undefined;
    this.#waitingBytes -= message.data.length;
    if (this.#waiting?.length === 0) this.#waiting = undefined;
    return message;
  }

  discard(): void {
    this.#waiting = undefined;
    this.#waitingBytes = 0;
  }
}
