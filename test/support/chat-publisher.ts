import { WebSocket } from 'ws';
import { chatSubprotocol, type ServerMessage } from '../../src/apps/chat/chat-protocol.ts';
import type { Position } from '../../src/broker/broker.ts';
import { until } from './until.ts';

const backoffMs = 50;
/** After so long it says again what may have been accepted. */
const retryMs = 200;
const handshakeMs = 2_000;
/** After so long without an answer the publisher takes a new connection. */
const answerMs = 8_000;
/** An answer that takes longer is late. */
const calmMs = 500;

/** `unknown`: no answer came, or one that said so. */
export type Outcome = 'accepted' | 'refused' | 'unknown';

/** What became of one publication. Its key, `<publisher>:<number>`, is its text. */
export interface Sent {
  readonly key: string;
  readonly publisher: string;
  readonly number: number;
  /** The publisher's connection, counted from 1: what was said on one is heard in this order. */
  readonly connection: number;
  readonly at: number;
  outcome: Outcome;
  /** Of one that was accepted, where the room has a history. */
  position?: Position;
  /** How often it was sent again with its id, because nobody knew. */
  retries: number;
}

export interface ChatPublisherOptions {
  readonly name: string;
  readonly urls: () => readonly string[];
  /** Which of them is tried first. Default 0. */
  readonly first?: number;
  readonly everyMs: number;
  /** Sends again, with the same id, what was not answered or may have been accepted, until it is. */
  readonly retries: boolean;
}

/** Says one number after the other in a chat room at a constant rate, and keeps account of what was accepted. */
export class ChatPublisher implements AsyncDisposable {
  readonly sent: Sent[] = [];
  readonly #options: ChatPublisherOptions;
  readonly #open = new Map<string, Sent>();
  readonly #beat: NodeJS.Timeout;
  #attempt: number;
  #webSocket: WebSocket | undefined;
  #connections = 0;
  #isReady = false;
  #isTicking = true;
  #hasLeft = false;
  #heardAt = Date.now();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: ChatPublisherOptions) {
    this.#options = options;
    this.#attempt = options.first ?? 0;
    this.#connect();
    this.#beat = setInterval(() => this.#tick(), options.everyMs);
  }

  /** Whether everything it said a while ago has been answered, and it goes on. */
  get isCalm(): boolean {
    const late = Date.now() - calmMs;
    return this.#isReady && [...this.#open.values()].every(({ at }) => at > late);
  }

  /** No more numbers; resolves when every one that was sent is answered, or will not be. */
  async stop(): Promise<void> {
    this.#isTicking = false;
    await until(() => this.#open.size === 0, { deadlineMs: 30_000, what: `${this.#options.name}: all are answered` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasLeft = true;
    clearInterval(this.#beat);
    for (const timer of this.#timers) clearTimeout(timer);
    const webSocket = this.#webSocket;
    if (webSocket === undefined) return;
    const closed = new Promise((resolve) => webSocket.once('close', resolve));
    webSocket.terminate();
    await closed;
  }

  #tick(): void {
    if (!this.#isReady) return;
    if (this.#open.size > 0 && Date.now() - this.#heardAt > answerMs) this.#webSocket?.terminate();
    else if (this.#isTicking) this.#next();
  }

  #next(): void {
    const { name } = this.#options;
    const number = this.sent.length + 1;
    const sent: Sent = {
      key: `${name}:${number}`,
      publisher: name,
      number,
      connection: this.#connections,
      at: Date.now(),
      outcome: 'unknown',
      retries: 0,
    };
    this.sent.push(sent);
    this.#say(sent);
  }

  #say(sent: Sent): void {
    if (this.#open.size === 0) this.#heardAt = Date.now();
    this.#open.set(sent.key, sent);
    this.#webSocket?.send(JSON.stringify({ type: 'message', text: sent.key, id: sent.key, ref: sent.key }));
  }

  #connect(): void {
    const urls = this.#options.urls();
    const webSocket = new WebSocket(urls[this.#attempt++ % urls.length] ?? '', [chatSubprotocol], {
      perMessageDeflate: false,
      handshakeTimeout: handshakeMs,
    });
    this.#webSocket = webSocket;
    webSocket.on('message', (data: Buffer) => this.#hear(JSON.parse(data.toString()) as ServerMessage));
    webSocket.on('error', () => {});
    webSocket.on('close', () => {
      this.#isReady = false;
      this.#webSocket = undefined;
      if (!this.#options.retries) this.#open.clear();
      if (!this.#hasLeft) this.#timers.add(setTimeout(() => this.#connect(), backoffMs * (1 + Math.random())));
    });
  }

  #hear(message: ServerMessage): void {
    if (message.type === 'welcome') {
      this.#isReady = true;
      this.#connections++;
      this.#heardAt = Date.now();
      for (const sent of this.#open.values()) this.#again(sent);
    }
    if (message.type !== 'sent' && message.type !== 'error') return;
    const sent = this.#open.get(message.ref ?? '');
    if (sent === undefined) return;
    this.#heardAt = Date.now();
    if (message.type === 'error' && message.code !== 'unconfirmed' && message.code !== 'not-accepted') {
      throw new Error(`${sent.key}: ${message.message}`);
    }
    const isDoubtful = message.type === 'error' && (message.code === 'unconfirmed' || sent.retries > 0);
    if (isDoubtful && this.#options.retries) this.#againLater(sent);
    else {
      this.#open.delete(sent.key);
      if (!isDoubtful) sent.outcome = message.type === 'sent' ? 'accepted' : 'refused';
      if (message.type === 'sent' && message.position !== undefined) sent.position = message.position;
    }
  }

  #againLater(sent: Sent): void {
    const on = this.#webSocket;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      // A new connection has said all of it again already.
      if (on === this.#webSocket && this.#open.has(sent.key)) this.#again(sent);
    }, retryMs);
    this.#timers.add(timer);
  }

  #again(sent: Sent): void {
    sent.retries++;
    this.#say(sent);
  }
}
