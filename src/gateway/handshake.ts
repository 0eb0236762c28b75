import type { IncomingMessage } from 'node:http';
import { WebSocketServer, type ServerOptions } from 'ws';
import { uncompressed } from './sending/frame.ts';
import type { CompressionOptions } from './gateway-options.ts';
import { GatewaySocket } from './gateway-socket.ts';
import type { HandshakeOptions } from './handshake-options.ts';

/** Fragments may be as small as this on average; smaller ones are an attack on memory, not a message. */
const leastFragmentBytes = 64;

/** Options of ws 8.23 that its type declarations do not have yet. */
interface LimitsOfWs {
  readonly closeTimeout: number;
  readonly maxFragments: number;
}

export interface Upgraded {
  readonly webSocket: GatewaySocket;
  /** Window size agreed on for what the server compresses, or `uncompressed`. */
  readonly windowBits: number;
}

/**
 * Answers opening handshakes (RFC 6455 §4.2) through ws. One ws server object serves all handshakes with the same
 * message limit and compression; it tracks no clients and listens nowhere.
 */
export class Handshaker {
  readonly #compression: CompressionOptions;
  readonly #closeTimeoutMs: number;
  readonly #servers = new Map<string, WebSocketServer>();
  // Handshakes are synchronous from beginning to end; these three are of the one under way.
  #choice: HandshakeOptions['subprotocols'];
  #windowBits = uncompressed;
  #id = '';

  constructor(compression: CompressionOptions, closeTimeoutMs: number) {
    this.#compression = compression;
    this.#closeTimeoutMs = closeTimeoutMs;
  }

  /**
   * @param id of the request and the connection, told in the answer
   * @returns undefined when the request was not a valid handshake; ws has answered it with 400 or 405 then
   */
  upgrade(
    request: IncomingMessage,
    head: Buffer,
    { id, messageBytes }: { readonly id: string; readonly messageBytes: number },
    options: HandshakeOptions,
  ): Upgraded | undefined {
    this.#choice = options.subprotocols;
    this.#windowBits = uncompressed;
    this.#id = id;
    // Not in pull mode: one chunk of a paused socket may hold a thousand times its size in compressed messages.
    const compress = this.#compression.enabled && options.readEvents !== false;
    let upgraded: GatewaySocket | undefined;
    this.#server(messageBytes, compress).handleUpgrade(request, request.socket, head, (webSocket: unknown) => {
      if (webSocket instanceof GatewaySocket) upgraded = webSocket;
    });
    return upgraded === undefined ? undefined : { webSocket: upgraded, windowBits: this.#windowBits };
  }

  #server(messageBytes: number, compress: boolean): WebSocketServer {
    const kind = `${messageBytes} ${compress}`;
    let server = this.#servers.get(kind);
    if (server === undefined) {
      server = this.#createServer(messageBytes, compress);
      this.#servers.set(kind, server);
    }
    return server;
  }

  #createServer(messageBytes: number, compress: boolean): WebSocketServer {
    const options: ServerOptions & LimitsOfWs = {
      noServer: true,
      clientTracking: false,
      WebSocket: GatewaySocket,
      maxPayload: messageBytes,
      // ws' own limit, 16,384 whatever the size, refuses legal messages in small fragments.
      maxFragments: Math.max(16_384, Math.ceil(messageBytes / leastFragmentBytes)),
      closeTimeout: this.#closeTimeoutMs,
      // Pongs go through the outbox like everything else: in order, in the turn's one write, under its cap.
      autoPong: false,
      handleProtocols: (offered, request) => this.#chooseSubprotocol([...offered], request),
      perMessageDeflate: compress && {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        // Messages from clients are inflated by ws; sending is done by the outbox with frames of our own.
        concurrencyLimit: 4,
      },
    };
    const server = new WebSocketServer(options);
    server.on('headers', (headers) => {
      if (compress) this.#windowBits = agreedWindowBits(headers);
      headers.push(`X-Request-Id: ${this.#id}`);
    });
    return server;
  }

  #chooseSubprotocol(offered: readonly string[], request: IncomingMessage): string | false {
    const choice = this.#choice;
    if (choice === undefined) return offered[0] ?? false;
    const chosen =
      typeof choice === 'function' ? choice(offered, request) : choice.find((known) => offered.includes(known));
    // A subprotocol the client did not offer would make it fail the connection (RFC 6455 §4.1).
    return chosen !== undefined && offered.includes(chosen) ? chosen : false;
  }
}

/** Reads from the answer's headers what permessage-deflate was agreed on (RFC 7692 §7.1.2.1); 15 unless it says less. */
function agreedWindowBits(headers: readonly string[]): number {
  const answer = headers.find((header) => header.startsWith('Sec-WebSocket-Extensions:'));
  if (answer === undefined || !answer.includes('permessage-deflate')) return uncompressed;
  const bits = Number(/server_max_window_bits=(\d+)/.exec(answer)?.[1] ?? 15);
  // zlib cannot make raw deflate data with a window of 256 bytes; such a client is sent its messages as they are.
  return bits < 9 ? uncompressed : bits;
}
