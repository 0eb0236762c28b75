import {
  logViewSubprotocol,
  type LinesMessage,
  type LinesPosition,
  type LogViewClientMessage,
  type LogViewServerMessage,
} from '../../src/apps/log-view/log-view-protocol.ts';
import { TestClient } from './test-client.ts';
import { until } from './until.ts';

type MessageOf<Type extends LogViewServerMessage['type']> = LogViewServerMessage & { readonly type: Type };

/** A JSON client of log-view: keeps all that it is sent, in order. */
export class LogViewClient implements AsyncDisposable {
  readonly messages: LogViewServerMessage[] = [];
  readonly client: TestClient;

  private constructor(client: TestClient) {
    this.client = client;
    const keep = (data: Buffer | string): void => {
      this.messages.push(JSON.parse(data.toString()) as LogViewServerMessage);
    };
    // What came with the handshake; on a busy machine that is a whole backlog.
    client.unread.forEach(keep);
    client.webSocket.on('message', keep);
  }

  /** Resolves when the log is open, if there is one. */
  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<LogViewClient> {
    const viewer = new LogViewClient(await TestClient.open(url, [logViewSubprotocol], { headers }));
    await viewer.of('welcome');
    return viewer;
  }

  /** Lines of the log that was opened last, of the backlog and after. */
  get lines(): readonly string[] {
    return this.messages
      .slice(this.messages.findLastIndex(({ type }) => type === 'opened') + 1)
      .flatMap((message) => (isLines(message) ? message.lines : []));
  }

  /** Those of one node. */
  linesOf(node: string): readonly string[] {
    return this.messages
      .slice(this.messages.findLastIndex(({ type }) => type === 'opened') + 1)
      .flatMap((message) => (isLines(message) && message.node === node ? message.lines : []));
  }

  /** Up to where it has everything: of the last message that says so. */
  get position(): LinesPosition | undefined {
    for (const message of this.messages.toReversed())
      if ('position' in message && message.position !== undefined) return message.position;
    return undefined;
  }

  send(message: LogViewClientMessage): void {
    this.client.send(JSON.stringify(message));
  }

  all<Type extends LogViewServerMessage['type']>(type: Type): readonly MessageOf<Type>[] {
    return this.messages.filter((message): message is MessageOf<Type> => message.type === type);
  }

  /** The message of this type with this number, the first by default; waits for it. */
  async of<Type extends LogViewServerMessage['type']>(type: Type, number = 1): Promise<MessageOf<Type>> {
    return await until(() => this.all(type)[number - 1], { what: `message ${number} of type ${type}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}

function isLines(message: LogViewServerMessage): message is LinesMessage {
  return message.type === 'lines';
}
