import {
  chatSubprotocol,
  type ChatPosition,
  type Member,
  type PresenceMessage,
  type ServerMessage,
  type WelcomeMessage,
} from '../../src/apps/chat/chat-protocol.ts';
import { TestClient } from './test-client.ts';

type MessageOf<Type> = Type extends PresenceMessage['type']
  ? PresenceMessage
  : Extract<ServerMessage, { readonly type: Type }>;

/** A client of chat's JSON mode. What came before the welcome is received after it; news of itself is left out. */
export class ChatClient implements AsyncDisposable {
  readonly client: TestClient;
  readonly welcome: WelcomeMessage;
  readonly #early: ServerMessage[];

  private constructor(client: TestClient, welcome: WelcomeMessage, early: ServerMessage[]) {
    this.client = client;
    this.welcome = welcome;
    this.#early = early;
  }

  /**
   * @param url of the room, without a query
   * @param since where to go on from
   */
  static async open(url: string, nick?: string, since?: ChatPosition): Promise<ChatClient> {
    const query = new URLSearchParams();
    if (nick !== undefined) query.set('nick', nick);
    if (since !== undefined) query.set('since', `${since.epoch}:${since.offset}`);
    const client = await TestClient.open(query.size === 0 ? url : `${url}?${query.toString()}`, [chatSubprotocol]);
    const early: ServerMessage[] = [];
    for (;;) {
      const message = await receive(client);
      if (message.type === 'welcome') {
        const others = early.filter((one) => !('member' in one) || one.member.id !== message.id);
        return new ChatClient(client, message, others);
      }
      early.push(message);
    }
  }

  /** Oneself, as the others see it. */
  get self(): Member {
    const { id, nick, user, address } = this.welcome;
    return { id, nick, user, address };
  }

  /** Messages that came before the welcome: in a room with history, what this client had missed. */
  get early(): ServerMessage[] {
    return this.#early;
  }

  send(message: unknown): void {
    this.client.send(JSON.stringify(message));
  }

  async next(): Promise<ServerMessage> {
    for (;;) {
      const message = this.#early.shift() ?? (await receive(this.client));
      if (!('member' in message) || message.member.id !== this.welcome.id) return message;
    }
  }

  /** The texts of the next messages. */
  async texts(count: number): Promise<string[]> {
    const texts: string[] = [];
    while (texts.length < count) texts.push((await this.nextOf('message')).text);
    return texts;
  }

  /** The next message of a type; others before it are dropped. */
  async nextOf<Type extends ServerMessage['type']>(type: Type): Promise<MessageOf<Type>> {
    for (;;) {
      const message = await this.next();
      if (message.type === type) return message as MessageOf<Type>;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}

async function receive(client: TestClient): Promise<ServerMessage> {
  return JSON.parse(String(await client.next())) as ServerMessage;
}
