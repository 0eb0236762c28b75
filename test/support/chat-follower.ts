import { chatSubprotocol, type ServerMessage } from '../../src/apps/chat/chat-protocol.ts';
import { Place } from '../../src/apps/chat/page/place.ts';
import type { Client } from '../../src/client/client.ts';
import { open } from '../../src/client/open.ts';
import { hintedDelayMs } from '../../src/client/retry-advice.ts';

/** Waits this long before it tries again where nobody said how long, in milliseconds. */
const pauseMs = 100;

/** Listens in a chat room through `carillon/client`, comes back when it is told to, and goes on where it was. */
export class ChatFollower implements AsyncDisposable {
  readonly texts: string[] = [];
  /** How many messages were said before it came. */
  before = 0;
  /** How its connections ended. */
  readonly ends: string[] = [];
  /** Of each return, whether everything that was missed could be told. */
  readonly recoveries: (boolean | undefined)[] = [];
  readonly #urls: () => readonly string[];
  readonly #place = new Place();
  readonly #over: Promise<void>;
  #client: Client | undefined;
  #hasLeft = false;

  /** @param urls of the room, tried in turn; a connection that ends is followed by one to the next of them */
  constructor(urls: () => readonly string[]) {
    this.#urls = urls;
    this.#over = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasLeft = true;
    void this.#client?.close();
    await this.#over;
  }

  async #run(): Promise<void> {
    for (let attempt = 0; !this.#hasLeft; attempt++) {
      const delayMs = await this.#connect(attempt).catch(() => pauseMs);
      if (!this.#hasLeft) await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }

  /** @returns when to come back, in milliseconds */
  async #connect(attempt: number): Promise<number> {
    const urls = this.#urls();
    const url = new URL(urls[attempt % urls.length] ?? '');
    if (this.#place.since !== undefined) url.searchParams.set('since', this.#place.since);
    const client = (this.#client = await open(url, { subprotocols: [chatSubprotocol] }));
    for await (const data of client) this.#hear(JSON.parse(String(data)) as ServerMessage);
    const end = await client.closed;
    if (!this.#hasLeft) this.ends.push(`${end.code} ${end.reason}`);
    return hintedDelayMs(end) ?? pauseMs;
  }

  #hear(message: ServerMessage): void {
    if (message.type === 'welcome') {
      const isFirst = this.#place.since === undefined;
      if (isFirst) this.before = message.position?.offset ?? 0;
      else this.recoveries.push(message.recovered);
      this.#place.begin(message.position);
    } else if (message.type === 'message') {
      this.#place.heard(message.position);
      this.texts.push(message.text);
    }
  }
}
