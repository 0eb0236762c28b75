// Somebody in the chat who stays, whatever happens to the gateways: comes back with its place, as docs/chat.md says, and
// keeps the record that the test judges.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { open } from '../../dist/client/open.js';

const subprotocol = 'carillon.chat.v1';
const returnWithinMs = 60_000;
const sendAgainMs = 500;
const hint = /reconnect in (\d+) ms$/;

export class ChatMember {
  /** Everything said since this member came, by its offset. */
  known = new Map();
  /** What was told twice, or could not be told. */
  complaints = [];
  /** One for each connection that was lost: how it ended, and how the next one began. */
  returns = [];
  /** What holds the present connection, from its welcome. */
  welcome;
  #url;
  #client;
  #place;
  /** Of its own, by id, what nobody has confirmed yet. */
  #waiting = new Map();
  /** Offsets that came as messages. */
  #told = new Set();
  #leaving = false;
  #ended;

  /** @param url of the room's socket */
  constructor(url) {
    this.#url = url;
  }

  /** Resolves when the room has said welcome. */
  async come() {
    await this.#open();
    this.#ended = this.#stay().catch((error) => this.complaints.push(error.message));
    return this;
  }

  get node() {
    return this.welcome.node;
  }

  /** Resolves when the room has taken it, on this connection or a later one. */
  say(text) {
    const id = randomUUID();
    return new Promise((resolve) => {
      this.#waiting.set(id, { text, resolve });
      this.#send(id, text);
    });
  }

  /** @returns texts in the room's order */
  get texts() {
    return [...this.known].sort(([a], [b]) => a - b).map(([, text]) => text);
  }

  async leave() {
    this.#leaving = true;
    await this.#client.close();
    await this.#ended;
  }

  async #stay() {
    for (;;) {
      const message = await this.#client.receive();
      if (message !== undefined) {
        this.#take(JSON.parse(message));
        continue;
      }
      const end = await this.#client.closed;
      if (this.#leaving) return;
      await this.#return(end);
    }
  }

  async #return({ code, reason }) {
    const lostAt = performance.now();
    const from = this.node;
    const hintMs = Number(hint.exec(reason)?.[1] ?? 0);
    await delay(hintMs);
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#open();
        break;
      } catch (error) {
        if (performance.now() - lostAt > returnWithinMs + hintMs)
          throw new Error(`could not come back: ${error.message}`, { cause: error });
        await delay(Math.random() * Math.min(2_000, 100 * 2 ** attempt));
      }
    }
    const { recovered, reason: why } = this.welcome;
    if (recovered !== true) this.complaints.push(`came back without what was said meanwhile: ${why}`);
    this.returns.push({ code, reason, hintMs, from, to: this.node, awayMs: performance.now() - lostAt });
  }

  async #open() {
    const url = new URL(this.#url);
    if (this.#place !== undefined) url.searchParams.set('since', `${this.#place.epoch}:${this.#place.offset}`);
    const client = await open(url, { subprotocols: [subprotocol] });
    const early = [];
    for (;;) {
      const message = await client.receive();
      if (message === undefined) throw new Error(`closed before the welcome: ${(await client.closed).code}`);
      const parsed = JSON.parse(message);
      if (parsed.type === 'welcome') {
        this.welcome = parsed;
        break;
      }
      early.push(parsed);
    }
    this.#client = client;
    this.#place ??= this.welcome.position;
    for (const message of early) this.#take(message);
    for (const [id, { text }] of this.#waiting) this.#send(id, text);
  }

  /** Without a connection nothing is sent: whoever comes back sends again what waits. */
  #send(id, text) {
    if (this.#client.state !== 'open') return;
    this.#client.send(JSON.stringify({ type: 'message', id, ref: id, text }));
  }

  #take(message) {
    if (message.type === 'gap') this.complaints.push(`a gap was told of: ${JSON.stringify(message)}`);
    if (message.type === 'error') this.#refused(message);
    if (message.type === 'sent' && message.position !== undefined) this.#accepted(message.ref, message.position);
    if (message.type === 'message') {
      const { offset } = message.position;
      if (this.#told.has(offset)) this.complaints.push(`told twice: "${message.text}" at ${offset}`);
      this.#told.add(offset);
      this.known.set(offset, message.text);
      this.#place = message.position;
      // One's own are told after a return, where nobody knew yet how far one had come.
      this.#accepted(message.id, message.position);
    }
  }

  #accepted(id, { offset }) {
    const own = this.#waiting.get(id);
    if (own === undefined) return;
    this.#waiting.delete(id);
    this.known.set(offset, own.text);
    own.resolve();
  }

  /** What may have been taken, or was not for now, is sent again with the same id. */
  #refused({ code, ref, message }) {
    const own = this.#waiting.get(ref);
    if (own === undefined || !['not-accepted', 'unconfirmed'].includes(code)) {
      this.complaints.push(`refused: ${code}: ${message}`);
      return;
    }
    setTimeout(() => {
      if (this.#waiting.has(ref)) this.#send(ref, own.text);
    }, sendAgainMs);
  }
}
