// One WebSocket client on a bare socket: handshake, frames in, frames out. What a message means is its dialect's.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { clientFrame, opcodes, scanFrames } from './frames.mjs';
import { readBuffer, readStart, Rest, whole } from './read-buffer.mjs';

const compressedBit = 0x40;
const headersEnd = Buffer.from('\r\n\r\n');

export class Client {
  #socket;
  #rest = new Rest();
  #isOpen = false;
  #isReady = false;
  #isReading = true;
  #settle;
  #onFrame = (bytes, first, start, end) => this.#frame(bytes, first, start, end);

  /**
   * @param events `onMessage(client, bytes, start, end)` for a message, `onCompressed` for a compressed one,
   *   `onClosed(client, reason)` when the server ends an open connection, `beforeFrames()` and `afterFrames()` around
   *   everything that one read brought
   */
  constructor({ room, index, role, port, offersDeflate }, dialect, events) {
    this.room = room;
    /** Which receiver of this process it is; -1: it only publishes. */
    this.index = index;
    this.hasHeard = false;
    this.isStalled = false;
    this.role = role;
    this.port = port;
    this.offersDeflate = offersDeflate;
    this.dialect = dialect;
    this.events = events;
    this.stream = dialect.stream?.();
  }

  /** Resolves when the server has accepted it into its room, as far as the dialect tells. */
  open() {
    const { port, dialect } = this;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket = connect({
        port,
        host: '127.0.0.1',
        noDelay: true,
        onread: { buffer: readBuffer, callback: (length) => this.#read(length) },
      });
      this.#socket.on('error', (error) => this.#ended(error));
      this.#socket.on('close', () => this.#ended(new Error('closed without a close frame')));
      const extensions = this.offersDeflate
        ? 'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n'
        : '';
      this.#socket.write(
        `GET ${dialect.path(this.room, this.role)} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
          `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n${extensions}` +
          `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
      );
    });
  }

  /** From now on it reads nothing. */
  stall() {
    this.isStalled = true;
    this.#isReading = false;
    this.#socket.pause();
  }

  /** It reads what has waited for it, or learns that it was closed. It still counts as stalled. */
  readOn() {
    this.#isReading = true;
    this.#socket.resume();
  }

  /** Without a goodbye, so that no port stays in TIME_WAIT. */
  destroy() {
    this.events = silent;
    this.#socket?.resetAndDestroy();
  }

  send(bytes) {
    this.#socket.write(bytes);
  }

  say(text, opcode = opcodes.text) {
    this.send(clientFrame(opcode, Buffer.from(text)));
  }

  /** For dialects in which the server says so. */
  ready() {
    this.#isReady = true;
    this.#settle.resolve();
  }

  fail(reason) {
    this.#ended(new Error(reason));
  }

  #read(length) {
    const bytes = whole;
    const end = readStart + length;
    let at = this.#rest.restore();
    if (!this.#isOpen) {
      at = this.#handshake(bytes, at, end);
      if (at < 0) return true;
    }
    this.events.beforeFrames();
    at = this.stream === undefined ? scanFrames(bytes, at, end, this.#onFrame) : this.stream.read(this, bytes, at, end);
    this.#rest.keep(at, end);
    this.events.afterFrames();
    return this.#isReading;
  }

  /** @returns where the frames begin, or -1 when the answer is not whole */
  #handshake(bytes, start, end) {
    const answer = bytes.subarray(start, end);
    const headers = answer.indexOf(headersEnd);
    if (headers < 0) {
      this.#rest.keep(start, end);
      return -1;
    }
    if (answer.latin1Slice(0, 12) !== 'HTTP/1.1 101') {
      this.#ended(new Error(`the server answered ${answer.latin1Slice(0, headers)}`));
      this.#socket.destroy();
      return -1;
    }
    const text = answer.latin1Slice(0, headers).toLowerCase();
    if (this.offersDeflate && !text.includes('permessage-deflate')) {
      this.#ended(new Error('the server did not accept permessage-deflate'));
      this.#socket.destroy();
      return -1;
    }
    this.#isOpen = true;
    this.dialect.opened(this);
    return start + headers + headersEnd.length;
  }

  #frame(bytes, first, start, end) {
    const opcode = first & 0x0f;
    if (opcode === opcodes.text || opcode === opcodes.binary) {
      if ((first & compressedBit) === 0) this.events.onMessage(this, bytes, start, end);
      else this.events.onCompressed(this, bytes, start, end);
    } else {
      this.control(opcode, bytes, start, end);
    }
  }

  control(opcode, bytes, start, end) {
    if (opcode === opcodes.ping) this.send(clientFrame(opcodes.pong, bytes.subarray(start, end)));
    if (opcode === opcodes.close) {
      const code = end - start >= 2 ? bytes.readUInt16BE(start) : 1005;
      this.#ended(new Error(`closed by the server with ${code} ${bytes.toString('utf8', start + 2, end)}`));
    }
  }

  #ended(error) {
    const wasReady = this.#isReady;
    this.#isReady = false;
    if (wasReady) this.events.onClosed(this, error.message);
    else this.#settle.reject(error);
  }
}

const silent = {
  beforeFrames() {},
  afterFrames() {},
  onMessage() {},
  onCompressed() {},
  onClosed() {},
};
