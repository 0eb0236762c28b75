import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const handshakeEnd = '\r\n\r\n';

/** A bare TCP client that shakes hands and then says and hears literal bytes. */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket;
  readonly ended: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  readonly #watchers = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      for (const watcher of this.#watchers) watcher();
    });
    this.ended = new Promise((resolve) => socket.on('close', () => resolve()));
  }

  /** Opens a connection and completes the handshake; `headers` are added to the request. */
  static async open(port: number, path = '/', headers: readonly string[] = []): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.socket.write(handshakeRequest(path, ...headers));
    await client.answer();
    return client;
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** The HTTP answer up to its blank line; what follows stays to be read. */
  async answer(): Promise<string> {
    const bytes = await this.#until((received) => received.includes(handshakeEnd));
    const end = bytes.indexOf(handshakeEnd) + handshakeEnd.length;
    this.#received = bytes.subarray(end);
    return bytes.toString('latin1', 0, end);
  }

  write(...bytes: (Buffer | readonly number[] | string)[]): void {
    this.socket.write(Buffer.concat(bytes.map((part) => Buffer.from(part as string))));
  }

  /** Exactly `count` bytes. */
  async read(count: number): Promise<Buffer> {
    await this.#until((received) => received.length >= count);
    const bytes = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return bytes;
  }

  /** Everything until the server ends the connection. */
  async readToEnd(): Promise<Buffer> {
    await this.ended;
    return this.#received;
  }

  async #until(enough: (received: Buffer) => boolean): Promise<Buffer> {
    while (!enough(this.#received)) {
      await new Promise<void>((resolve, reject) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
        void this.ended.then(() =>
          reject(new Error(`the server ended the connection after ${this.#received.length} more bytes`)),
        );
      });
    }
    return this.#received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.ended;
  }
}

/** A valid opening handshake (RFC 6455 §1.3), with headers added. */
export function handshakeRequest(path = '/', ...headers: readonly string[]): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  ];
  return lines.join('\r\n') + handshakeEnd;
}

/** A client's frame: masked with a fixed key, as RFC 6455 §5.3 asks. */
export function maskedFrame(firstByte: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload as string);
  const mask = [0x37, 0xfa, 0x21, 0x3d];
  const length =
    body.length < 126
      ? [0x80 | body.length]
      : body.length < 65_536
        ? [0x80 | 126, body.length >> 8, body.length & 0xff]
        : [0x80 | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((bits) => (body.length >>> bits) & 0xff)];
  const masked = body.map((byte, i) => byte ^ (mask[i % 4] ?? 0));
  return Buffer.concat([Buffer.from([firstByte, ...length, ...mask]), masked]);
}
