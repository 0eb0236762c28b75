import type { ServerMessage, TextMessage } from '../../src/apps/chat/chat-protocol.ts';
import { Place } from '../../src/apps/chat/page/place.ts';
import { ChatClient } from './chat-client.ts';

/**
 * A chat client that loses its connection and comes back, as docs/chat.md says it should: it keeps its place, sends
 * again what was not confirmed, and knows its own messages.
 */
export class ReturningChatClient implements AsyncDisposable {
  /** What the others said, in the order in which it was told. */
  readonly heard: TextMessage[] = [];
  /** Texts of its own by their ids, with their offsets once they are confirmed. */
  readonly own = new Map<string, { readonly text: string; offset?: number }>();
  /** Of each return, whether everything could be told. */
  readonly recoveries: (boolean | undefined)[] = [];
  readonly #place = new Place();
  readonly #ids = new Set<string>();
  #client: ChatClient | undefined;

  /** Comes (back) to a room. */
  async come(url: string): Promise<void> {
    const returns = this.#place.since !== undefined;
    const [, epoch = '', offset] = /^(.*):(\d+)$/.exec(this.#place.since ?? '') ?? [];
    const client = await ChatClient.open(url, undefined, returns ? { epoch, offset: Number(offset) } : undefined);
    this.#client = client;
    if (returns) this.recoveries.push(client.welcome.recovered);
    else this.heard.push(...(client.welcome.history ?? []));
    this.#ids.add(client.welcome.id);
    this.#place.begin(client.welcome.position);
    for (const message of client.early.splice(0)) this.#hear(message);
    for (const [id, { text, offset: confirmed }] of this.own) {
      if (confirmed === undefined) client.send({ type: 'message', text, id, ref: id });
    }
  }

  say(text: string): void {
    const id = crypto.randomUUID();
    this.own.set(id, { text });
    this.#client?.send({ type: 'message', text, id, ref: id });
  }

  /** Takes the next message of whatever kind. */
  async take(): Promise<void> {
    const message = await this.#client?.next();
    if (message !== undefined) this.#hear(message);
  }

  /** The connection breaks; what was on its way is lost. */
  async vanish(): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
    this.#client = undefined;
  }

  get isConfirmed(): boolean {
    return [...this.own.values()].every(({ offset }) => offset !== undefined);
  }

  /** All that was said in the room, as this client knows it, in the room's order. */
  get known(): string[] {
    const heard = this.heard.map(({ text, position }) => ({ text, offset: position?.offset ?? 0 }));
    const own = [...this.own.values()].map(({ text, offset = 0 }) => ({ text, offset }));
    return [...heard, ...own].toSorted((a, b) => a.offset - b.offset).map(({ text }) => text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vanish();
  }

  #hear(message: ServerMessage): void {
    if (message.type === 'sent') {
      this.#place.sent(message.position);
      this.#confirm(message.ref, message.position?.offset);
    }
    if (message.type !== 'message') return;
    this.#place.heard(message.position);
    if (message.from !== null && this.#ids.has(message.from.id)) this.#confirm(message.id, message.position?.offset);
    else this.heard.push(message);
  }

  #confirm(id: string | null | undefined, offset: number | undefined): void {
    const own = this.own.get(id ?? '');
    if (own !== undefined && offset !== undefined) own.offset = offset;
  }
}
