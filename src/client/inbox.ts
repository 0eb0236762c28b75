import type { Message } from './client-options.ts';

/** Messages that arrived and wait for a `take`, and takes that wait for a message; never both. */
export class Inbox {
  #messages: Message[] = [];
  /** Messages before this index are taken. */
  #head = 0;
  #waiting: ((message: Message | undefined) => void)[] = [];
  #bytes = 0;
  #ended = false;

  /** What waits, by `costOf`. */
  get bytes(): number {
    return this.#bytes;
  }

  push(message: Message): void {
    const taker = this.#waiting.shift();
    if (taker) return taker(message);
    this.#messages.push(message);
    this.#bytes += costOf(message);
  }

  /** The oldest message; undefined when there is none and none will come. Takes are served in the order of the calls. */
  take(): Promise<Message | undefined> {
    const message = this.#messages[this.#head];
    if (message === undefined) {
      if (this.#ended) return Promise.resolve(undefined);
      return new Promise((resolve) => this.#waiting.push(resolve));
    }
    this.#bytes -= costOf(message);
    this.#messages[this.#head++] = '';
    // Cutting off the taken half moves each message once on average.
    if (this.#head * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
    return Promise.resolve(message);
  }

  /** Nothing will be pushed any more; what is there can still be taken. */
  end(): void {
    this.#ended = true;
    for (const taker of this.#waiting.splice(0)) taker(undefined);
  }
}

/** What a waiting message costs: its data, and a flat 64 bytes so that many small ones are bounded too. */
function costOf(message: Message): number {
  return lengthOf(message) + 64;
}

/** Text counts one byte per UTF-16 code unit. */
export function lengthOf(message: Message): number {
  return typeof message === 'string' ? message.length : message.byteLength;
}
