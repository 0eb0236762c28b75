import { chatSubprotocol, type ServerMessage } from '../../src/apps/chat/chat-protocol.ts';
import { Place } from '../../src/apps/chat/page/place.ts';
import type { Client } from '../../src/client/client.ts';
import { ClientError } from '../../src/client/client-errors.ts';
import type { CloseInfo } from '../../src/client/client-options.ts';
import { open } from '../../src/client/open.ts';
import { hintedDelayMs } from '../../src/client/retry-advice.ts';

/** Where nobody said how long to wait, in milliseconds, doubled and up to as much more at random. */
const backoffMs = 200;
const longestBackoffMs = 5_000;

/** How one connection of a member ended, and how the member came back. Times in milliseconds since 1970. */
export interface Return {
  readonly end: CloseInfo;
  readonly closedAt: number;
  /** What the server asked it to wait, jitter included; undefined: nothing. */
  readonly hintMs: number | undefined;
  backAt: number;
  /** Handshakes that were refused or failed, with their reasons. */
  readonly refusals: string[];
  recovered: boolean | undefined;
}

/** One listener in a room with history, who comes back as `carillon/client` does and keeps account of it. */
export class Returner {
  /** Offsets heard, in the order heard. */
  readonly heard: number[] = [];
  /** The offset of the last publication before it came. */
  began: number | undefined;
  readonly returns: Return[] = [];
  readonly #url: () => string;
  readonly #place = new Place();
  #client: Client | undefined;
  #hasLeft = false;
  readonly #over: Promise<void>;

  /** @param url of the room, asked for at each opening */
  constructor(url: () => string) {
    this.#url = url;
    this.#over = this.#run();
  }

  get isIn(): boolean {
    return this.#client !== undefined && this.began !== undefined && this.returns.every(({ backAt }) => backAt > 0);
  }

  /** The last offset it knows. */
  get offset(): number {
    return this.heard.at(-1) ?? this.began ?? 0;
  }

  async leave(): Promise<void> {
    this.#hasLeft = true;
    void this.#client?.close();
    await this.#over;
  }

  async #run(): Promise<void> {
    let present: Return | undefined;
    let tries = 0;
    while (!this.#hasLeft) {
      const end = await this.#listen(present);
      if (this.#hasLeft) return;
      const hintMs = hintedDelayMs(end);
      if (end.error === undefined || present === undefined || present.backAt > 0) {
        tries = 0;
        present = { end, closedAt: Date.now(), hintMs, backAt: 0, refusals: [], recovered: undefined };
        this.returns.push(present);
      } else {
        present.refusals.push(end.error.message);
      }
      const backoff = Math.min(longestBackoffMs, backoffMs * 2 ** tries++) * (1 + Math.random());
      await new Promise((resolve) => setTimeout(resolve, hintMs ?? backoff));
    }
  }

  /** Until the connection ends, or could not be opened. */
  async #listen(present: Return | undefined): Promise<CloseInfo> {
    const url = new URL(this.#url());
    if (this.#place.since !== undefined) url.searchParams.set('since', this.#place.since);
    let client: Client;
    try {
      client = this.#client = await open(url, { subprotocols: [chatSubprotocol] });
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      return { code: 1006, reason: '', error };
    }
    for await (const data of client) this.#hear(JSON.parse(String(data)) as ServerMessage, present);
    return await client.closed;
  }

  #hear(message: ServerMessage, present: Return | undefined): void {
    if (message.type === 'welcome') {
      this.#place.begin(message.position);
      if (this.began === undefined) this.began = message.position?.offset ?? 0;
      if (present === undefined) return;
      present.recovered = message.recovered;
      present.backAt = Date.now();
    } else if (message.type === 'message' && message.position !== undefined) {
      this.#place.heard(message.position);
      this.heard.push(message.position.offset);
    }
  }
}

/** What is missing or too much in what a member heard, of all that was published until this offset. */
export function mistakesOf({ began = 0, heard }: Returner, until: number): readonly string[] {
  const mistakes: string[] = [];
  let last = began;
  for (const offset of heard) {
    if (offset <= last) mistakes.push(`${offset} again or late, after ${last}`);
    else if (offset > last + 1) mistakes.push(`nothing between ${last} and ${offset}`);
    last = Math.max(last, offset);
  }
  if (last < until) mistakes.push(`nothing after ${last} of ${until}`);
  return mistakes;
}

/** How many fall into each of so many equal parts of the time from the first to the last. */
export function histogram(times: readonly number[], parts: number): readonly number[] {
  const first = Math.min(...times);
  const width = Math.max(1, (Math.max(...times) - first) / parts);
  const counts = Array.from({ length: parts }, () => 0);
  for (const time of times) {
    const part = Math.min(parts - 1, Math.floor((time - first) / width));
    counts[part] = (counts[part] ?? 0) + 1;
  }
  return counts;
}
