import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { subprotocol } from 'ws';
import { uncompressed } from './sending/frame.ts';
import { findSocketReads } from './direct-sockets.ts';
import type { CompressionOptions } from './gateway-options.ts';
import { GatewaySocket, type SocketKind } from './gateway-socket.ts';
import type { HandshakeOptions, MalformedHandshake } from './handshake-options.ts';
import { type Deflate, negotiateDeflate } from './receiving/inflater.ts';

/** RFC 6455 §1.3. */
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** 16 bytes in base64. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;
/** Fragments may be as small as this on average; smaller ones are an attack on memory, not a message. */
const leastFragmentBytes = 64;
const leastMostFragments = 16_384;

export interface Upgraded {
  /** To be sent before anything else. */
  readonly answer: Buffer;
  readonly webSocket: GatewaySocket;
  /** Window size agreed on for what the server compresses, or `uncompressed`. */
  readonly windowBits: number;
}

/** Makes WebSockets of opening handshakes, and the answers to them (RFC 6455 §4.2). */
export class Handshaker {
  readonly #compression: CompressionOptions;
  readonly #closeTimeoutMs: number;
  readonly #reads = findSocketReads();
  /** By the largest message: all connections of a kind share one object. */
  readonly #kinds = new Map<number, SocketKind>();

  constructor(compression: CompressionOptions, closeTimeoutMs: number) {
    this.#compression = compression;
    this.#closeTimeoutMs = closeTimeoutMs;
  }

  /**
   * @param id of the request and the connection, told in the answer
   * @returns what is wrong when the request is not a valid handshake; it has not been answered then
   */
  upgrade(
    request: IncomingMessage,
    head: Buffer,
    { id, messageBytes }: { readonly id: string; readonly messageBytes: number },
    options: HandshakeOptions,
  ): Upgraded | MalformedHandshake {
    const { headers, socket } = request;
    const kind = this.#kindOf(messageBytes);
    let deflate: Deflate | undefined;
    let offered: readonly string[] = [];
    let malformed = whatIsWrong(request);
    if (malformed === undefined && headers['sec-websocket-protocol'] !== undefined) {
      try {
        offered = [...subprotocol.parse(headers['sec-websocket-protocol'])];
      } catch {
        malformed = badRequest('Sec-WebSocket-Protocol: expected names, each once');
      }
    }
    // Not in pull mode: one chunk of a paused socket may hold a thousand times its size in compressed messages.
    const compress = this.#compression.enabled && options.readEvents !== false;
    if (malformed === undefined && compress && headers['sec-websocket-extensions'] !== undefined) {
      try {
        deflate = negotiateDeflate(headers['sec-websocket-extensions'], messageBytes);
      } catch {
        malformed = badRequest('Sec-WebSocket-Extensions: expected an offer of permessage-deflate as in RFC 7692');
      }
    }
    if (malformed !== undefined) return malformed;
    const protocol = offered.length === 0 ? '' : chooseSubprotocol(options.subprotocols, offered, request);
    const accept = hash('sha1', `${headers['sec-websocket-key']}${guid}`, 'base64');
    const answer = Buffer.from(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\n` +
        (protocol === '' ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`) +
        (deflate === undefined ? '' : `Sec-WebSocket-Extensions: ${deflate.answer}\r\n`) +
        `X-Request-Id: ${id}\r\n\r\n`,
      'latin1',
    );
    const webSocket = new GatewaySocket(socket, head, protocol, kind, deflate?.inflater);
    // zlib cannot make raw deflate data with a window of 256 bytes; such a client is sent its messages as they are.
    const windowBits = deflate === undefined || deflate.windowBits < 9 ? uncompressed : deflate.windowBits;
    return { answer, webSocket, windowBits };
  }

  #kindOf(messageBytes: number): SocketKind {
    let kind = this.#kinds.get(messageBytes);
    if (kind === undefined) {
      const fragments = Math.max(leastMostFragments, Math.ceil(messageBytes / leastFragmentBytes));
      kind = { messageBytes, fragments, closeTimeoutMs: this.#closeTimeoutMs, reads: this.#reads };
      this.#kinds.set(messageBytes, kind);
    }
    return kind;
  }
}

/** RFC 6455 §4.2.1. */
function whatIsWrong({ method, headers }: IncomingMessage): MalformedHandshake | undefined {
  if (method !== 'GET') return { status: 405, headers: { Allow: 'GET' }, text: 'Only GET.\n' };
  if (headers.upgrade?.toLowerCase() !== 'websocket') return badRequest('Upgrade: expected websocket');
  const key = headers['sec-websocket-key'];
  if (key === undefined || !keyPattern.test(key)) return badRequest('Sec-WebSocket-Key: expected 16 bytes in base64');
  const version = headers['sec-websocket-version'];
  // 8 is what clients of drafts 8 to 12 send, which speak the same.
  if (version === '13' || version === '8') return undefined;
  return { ...badRequest('Sec-WebSocket-Version: expected 13'), headers: { 'Sec-WebSocket-Version': '13, 8' } };
}

function badRequest(what: string): MalformedHandshake {
  return { status: 400, text: `This is no valid WebSocket handshake: ${what}.\n` };
}

/** @returns "" for none */
function chooseSubprotocol(
  choice: HandshakeOptions['subprotocols'],
  offered: readonly string[],
  request: IncomingMessage,
): string {
  if (choice === undefined) return offered[0] ?? '';
  const chosen =
    typeof choice === 'function' ? choice(offered, request) : choice.find((known) => offered.includes(known));
  // A subprotocol the client did not offer would make it fail the connection (RFC 6455 §4.1).
  return chosen !== undefined && offered.includes(chosen) ? chosen : '';
}
