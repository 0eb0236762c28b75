import { open, type Client } from '../../../client/open-browser.ts';
import { hintedDelayMs, isWorthRetrying } from '../../../client/retry-advice.ts';
import { fullJitterDelayMs } from '../../../lib/backoff.ts';
import { chatSubprotocol, type ClientMessage, type ServerMessage, type WelcomeMessage } from '../chat-protocol.ts';

/** How the connection is. A session reports each change but the one to `open`, which is its `welcome`. */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'open' }
  /** There is none; tried again at this time of `Date.now()`. The reason is the server's, empty where it gave none. */
  | { readonly state: 'waiting'; readonly untilMs: number; readonly reason: string }
  /** Over for good, unless the reader asks for another try. */
  | { readonly state: 'ended'; readonly reason: string };

export interface SessionEvents {
  link(link: Exclude<Link, { state: 'open' }>): void;
  /** The first message of each connection. */
  welcome(message: WelcomeMessage): void;
  /** Every other message, in order; those that came before the welcome come after it. */
  message(message: Exclude<ServerMessage, WelcomeMessage>): void;
  /** The welcome and what came before it have been told. */
  caughtUp(): void;
}

const backoff = { baseMs: 500, capMs: 15_000 };
/** After a welcome that lasted this long the next loss starts with the shortest delay again, in milliseconds. */
const goodConnectionMs = 5_000;
/** The close code of a server that says why it cannot have anybody now. */
const tryAgainLater = 1013;
/** How long the server may take to answer a probe, in milliseconds. */
const probeMs = 6_000;

/** One conversation with the room, over as many connections as it takes. */
export class Session {
  readonly #events: SessionEvents;
  readonly #address: () => string;
  #client: Client | undefined;
  /** Counts starts: what an earlier start still reports is not heard. */
  #start = 0;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #probe: ReturnType<typeof setTimeout> | undefined;
  #welcomed = false;
  #welcomedMs = 0;
  #early: Exclude<ServerMessage, WelcomeMessage>[] = [];

  /** @param address gives the socket's URL when a connection is begun */
  constructor(address: () => string, events: SessionEvents) {
    this.#address = address;
    this.#events = events;
  }

  /** Whether the room has welcomed this connection. */
  get isOpen(): boolean {
    return this.#welcomed;
  }

  /** Begins anew, whatever state the present connection is in. */
  async start(): Promise<void> {
    const start = ++this.#start;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#lost();
    void this.#client?.close();
    this.#client = undefined;
    this.#events.link({ state: 'connecting' });
    this.#welcomedMs = Infinity;
    let reason = '';
    let hintedMs: number | undefined;
    try {
      // Not `reconnect`: each connection has an address of its own, which says where to go on.
      const client = await open(this.#address(), { subprotocols: [chatSubprotocol] });
      if (start !== this.#start) return void client.close();
      this.#client = client;
      for await (const data of client) if (start === this.#start) this.#hear(data);
      const end = await client.closed;
      if (start !== this.#start) return;
      this.#lost();
      if (!isWorthRetrying(end)) return this.#events.link({ state: 'ended', reason: end.reason });
      hintedMs = hintedDelayMs(end);
      if (end.code === tryAgainLater) reason = end.reason;
    } catch {
      // An opening that failed. A browser does not tell why.
      if (start !== this.#start) return;
    }
    // A room that lets nobody in may take its time to say so.
    if (performance.now() - this.#welcomedMs >= goodConnectionMs) this.#attempt = 0;
    if (hintedMs === undefined) this.#startLater(reason);
    else this.#startAsAsked(hintedMs);
  }

  /** @returns false when there is no connection that would take it */
  send(message: ClientMessage): boolean {
    if (!this.#welcomed || this.#client?.state !== 'open') return false;
    return this.#client.send(JSON.stringify(message));
  }

  /** Does not wait any longer for the next attempt, where one is waited for. */
  retryNow(): void {
    if (this.#retry !== undefined) void this.start();
  }

  /**
   * Asks for the list of members. A connection that looks open but carries nothing any more, as after a sleep of the
   * machine, gives no answer and is replaced.
   */
  probe(): void {
    if (this.#probe !== undefined || !this.send({ type: 'members' })) return;
    this.#probe = setTimeout(() => void this.start(), probeMs);
  }

  #startLater(reason: string): void {
    const delayMs = fullJitterDelayMs(this.#attempt++, backoff);
    this.#events.link({ state: 'waiting', untilMs: Date.now() + delayMs, reason });
    this.#retry = setTimeout(() => void this.start(), delayMs);
  }

  /** The server is being replaced, and said when to come back: nothing that the reader need be told or could hasten. */
  #startAsAsked(delayMs: number): void {
    this.#events.link({ state: 'connecting' });
    this.#retry = setTimeout(() => void this.start(), delayMs);
  }

  #lost(): void {
    clearTimeout(this.#probe);
    this.#probe = undefined;
    this.#welcomed = false;
    this.#early = [];
  }

  #hear(data: string | Uint8Array): void {
    const message = typeof data === 'string' ? parse(data) : undefined;
    if (message === undefined) return;
    if (message.type === 'welcome') {
      this.#welcomed = true;
      this.#welcomedMs = performance.now();
      const early = this.#early;
      this.#early = [];
      this.#events.welcome(message);
      for (const other of early) this.#events.message(other);
      this.#events.caughtUp();
      return;
    }
    if (!this.#welcomed) {
      this.#early.push(message);
      return;
    }
    if (message.type === 'members') {
      clearTimeout(this.#probe);
      this.#probe = undefined;
    }
    this.#events.message(message);
  }
}

/** The server's word is trusted as to its shape: it comes from this page's own origin. */
function parse(data: string): ServerMessage | undefined {
  try {
    return JSON.parse(data) as ServerMessage;
  } catch {
    return undefined;
  }
}
