import { once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';

/** A real `ws` client that queues what it receives, so that a test misses no message however late it asks. */
export class TestClient implements AsyncDisposable {
  readonly webSocket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #received: (string | Buffer)[] = [];
  readonly #waiting: ((message: string | Buffer) => void)[] = [];

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on('message', (data, isBinary) => {
      const message = isBinary ? (data as Buffer) : data.toString();
      const taker = this.#waiting.shift();
      if (taker === undefined) this.#received.push(message);
      else taker(message);
    });
    webSocket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      webSocket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  static async open(url: string, subprotocols: string[] = [], options: ClientOptions = {}): Promise<TestClient> {
    const webSocket = new WebSocket(url, subprotocols, { perMessageDeflate: false, ...options });
    const client = new TestClient(webSocket);
    await once(webSocket, 'open');
    return client;
  }

  send(data: string | Buffer): void {
    this.webSocket.send(data);
  }

  /** The next message in order: a string for text, a buffer for binary. */
  next(): Promise<string | Buffer> {
    const message = this.#received.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async take(count: number): Promise<(string | Buffer)[]> {
    const messages: (string | Buffer)[] = [];
    while (messages.length < count) messages.push(await this.next());
    return messages;
  }

  /** Messages that came and were not asked for. */
  get unread(): readonly (string | Buffer)[] {
    return this.#received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.webSocket.terminate();
    await this.closed;
  }
}
