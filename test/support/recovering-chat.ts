import { WebSocket } from 'ws';
import {
  chatSubprotocol,
  type GapMessage,
  type ServerMessage,
  type TextMessage,
  type WelcomeMessage,
} from '../../src/apps/chat/chat-protocol.ts';
import { cameBack } from './judge.ts';
import { Track } from './track.ts';

/** A client that was refused or dropped comes back after this long and up to as much more, in milliseconds. */
const backoffMs = 100;
/** A gateway that is paused takes TCP connections and does not answer. */
const handshakeMs = 2_000;

export interface RecoveringChatOptions {
  readonly name: string;
  /** Socket addresses of the room, asked for at each opening and tried in turn. */
  readonly urls: () => readonly string[];
  /** Which of them is tried first. Default 0. */
  readonly first?: number;
}

/** A subscriber of a chat room that comes back whenever its connection ends and continues from its position. */
export class RecoveringChat implements AsyncDisposable {
  readonly track: Track;
  /** Openings so far that ended in a welcome. */
  welcomes = 0;
  /** Who holds the present connection, or held the last one. */
  place: { readonly node: string; readonly worker: number } | undefined;
  readonly #urls: () => readonly string[];
  #attempt: number;
  #webSocket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Before the welcome: what the room says meanwhile. */
  #early: (TextMessage | GapMessage)[] | undefined;
  #isAway = false;
  #openedAt = 0;
  /** How the last opening or connection ended. */
  #end = '';

  constructor({ name, urls, first = 0 }: RecoveringChatOptions) {
    this.track = new Track(name);
    this.#urls = urls;
    this.#attempt = first;
    this.#open();
  }

  /** In words, for whoever wonders why it does not hear anything. */
  get state(): string {
    if (this.#webSocket === undefined)
      return this.#isAway ? 'away' : `about to come back, opening ${this.#attempt}, after ${this.#end}`;
    const { url, readyState } = this.#webSocket;
    const seconds = ((Date.now() - this.#openedAt) / 1_000).toFixed(1);
    const stage = this.#early === undefined ? 'in' : readyState === WebSocket.OPEN ? 'not welcomed' : 'not connected';
    return `${stage} at ${url} for ${seconds} s, opening ${this.#attempt}`;
  }

  /** Drops the connection and stays away; resolves when nothing more is recorded. */
  async leave(): Promise<void> {
    this.#isAway = true;
    clearTimeout(this.#timer);
    const webSocket = this.#webSocket;
    if (webSocket === undefined) return;
    const closed = new Promise((resolve) => webSocket.once('close', resolve));
    webSocket.terminate();
    await closed;
  }

  /** After `leave`: goes on from where it was. */
  comeBack(): void {
    this.#isAway = false;
    this.#open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  #open(): void {
    const urls = this.#urls();
    const url = new URL(urls[this.#attempt++ % urls.length] ?? '');
    const since = this.track.position;
    if (since !== undefined) url.searchParams.set('since', `${since.epoch}:${since.offset}`);
    const webSocket = new WebSocket(url, [chatSubprotocol], {
      perMessageDeflate: false,
      handshakeTimeout: handshakeMs,
    });
    this.#webSocket = webSocket;
    this.#openedAt = Date.now();
    this.#early = [];
    webSocket.on('message', (data: Buffer) => this.#hear(JSON.parse(data.toString()) as ServerMessage));
    let failure = '';
    webSocket.on('error', (error) => (failure = ` (${error.message})`));
    webSocket.on('close', (code, reason) => {
      this.#end = `${code} ${reason.toString()}${failure} at ${url.origin}`;
      this.#webSocket = undefined;
      // Given before a welcome that never came: a client that keeps the order may take it all the same.
      this.#early = undefined;
      if (this.#isAway) return;
      this.#timer = setTimeout(() => this.#open(), backoffMs * (1 + Math.random()));
    });
  }

  #hear(message: ServerMessage): void {
    if (message.type === 'welcome') this.#welcomed(message);
    else if (message.type === 'message' || message.type === 'gap') {
      if (this.#early === undefined) this.#record(message);
      else this.#early.push(message);
    }
  }

  #welcomed({ position, recovered, reason, node, worker }: WelcomeMessage): void {
    this.place = { node, worker };
    const early = this.#early ?? [];
    this.#early = undefined;
    if (recovered === true) {
      this.track.recovered();
      for (const message of early) this.#record(message);
    } else {
      if (recovered === false) this.track.told(`not recovered: ${reason}`, position);
      else if (this.welcomes > 0 || this.track.entries.length > 0) this.track.told(cameBack, position);
      else this.track.begin(position);
      // What is behind the position is in the welcome's history: shown to people, and not counted here.
      for (const message of early) {
        const offset = message.type === 'gap' ? Infinity : (message.position?.offset ?? 0);
        if (position === undefined || offset > position.offset) this.#record(message);
      }
    }
    this.welcomes++;
  }

  #record(message: TextMessage | GapMessage): void {
    if (message.type === 'gap') this.track.told('gap');
    else this.track.heard(message.text, message.position);
  }
}
