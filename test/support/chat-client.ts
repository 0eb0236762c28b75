import {
  chatSubprotocol,
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

  /** @param url of the room, without a query */
  static async open(url: string, nick?: string): Promise<ChatClient> {
    const query = nick === undefined ? '' : `?nick=${encodeURIComponent(nick)}`;
    const client = await TestClient.open(url + query, [chatSubprotocol]);
    const early: ServerMessage[] = [];
    for (;;) {
      const message = await receive(client);
      if (message.type === 'welcome') return new ChatClient(client, message, early);
      early.push(message);
    }
  }

  /** Oneself, as the others see it. */
  get self(): Member {
    const { id, nick, user, address } = this.welcome;
    return { id, nick, user, address };
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
