import type { MessageKind } from '../../broker/broker.ts';
import { RingQueue } from '../../lib/ring-queue.ts';
import type { GatewaySocket } from '../gateway-socket.ts';

export interface ReceivedMessage {
  readonly data: Buffer;
  readonly kind: MessageKind;
}

/** Whose messages they are. */
export interface InboxOwner {
  /** Has the socket read, now or as soon as nothing else keeps it from that. */
  readOn(): void;
}

/**
 * Pull mode: holds a connection's messages until they are asked for. The socket is read only while somebody waits;
 * what it had already read by then, one chunk of at most 64 KiB or the message that was begun, is all that waits here.
 */
export class Inbox {
  readonly #webSocket: GatewaySocket;
  readonly #owner: InboxOwner;
  readonly #messages = new RingQueue<ReceivedMessage>();
  readonly #waiting = new RingQueue<(message: ReceivedMessage | undefined) => void>();
  #ended = false;

  constructor(webSocket: GatewaySocket, owner: InboxOwner) {
    this.#webSocket = webSocket;
    this.#owner = owner;
    webSocket.pause();
  }

  /** Somebody waits for a message. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  put(message: ReceivedMessage): void {
    const taker = this.#waiting.shift();
    if (taker === undefined) this.#messages.push(message);
    else taker(message);
    if (this.#waiting.length === 0) this.#webSocket.pause();
  }

  next(): Promise<ReceivedMessage | undefined> {
    const message = this.#messages.shift();
    if (message !== undefined || this.#ended) return Promise.resolve(message);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#owner.readOn();
    });
  }

  end(): void {
    this.#ended = true;
    for (let taker = this.#waiting.shift(); taker !== undefined; taker = this.#waiting.shift()) taker(undefined);
  }
}
