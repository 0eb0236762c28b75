import type { PresenceEvent, PresencePage } from '../broker.ts';

interface Awaited {
  /** Present once Redis has answered. */
  page?: PresencePage;
  resolve?: (page: PresencePage) => void;
  timer?: NodeJS.Timeout;
}

/** What there is to know of one name while pages of it are being read. */
interface Line {
  readonly awaited: Map<string, Awaited>;
  /** Events, and tokens of fences that came before their page, in the order of the channel. */
  held: (PresenceEvent | string)[];
  /** Whoever awaited a page is having his turn. */
  isPaused: boolean;
}

/**
 * Brings pages and events into one order. A page is read over one connection, events come over another; so the script
 * that reads it also publishes a fence to the channel of the events, behind all of them that are in the page. A page
 * is handed over when its fence comes by, and what is behind the fence waits until whoever awaited it has gone on.
 */
export class PresenceFences {
  readonly #tell: (event: PresenceEvent) => void;
  readonly #deadlineMs: number;
  readonly #lines = new Map<string, Line>();
  readonly #makeToken: () => string;

  /** @param deadlineMs how long a page waits for a fence; it never comes where the connection was lost */
  constructor(tell: (event: PresenceEvent) => void, makeToken: () => string, deadlineMs: number) {
    this.#tell = tell;
    this.#makeToken = makeToken;
    this.#deadlineMs = deadlineMs;
  }

  /** A page is going to be read. @returns the token of its fence, which goes into `page` or `cancel` */
  open(name: string): string {
    let line = this.#lines.get(name);
    if (line === undefined) {
      line = { awaited: new Map<string, Awaited>(), held: [], isPaused: false };
      this.#lines.set(name, line);
    }
    const token = this.#makeToken();
    line.awaited.set(token, {});
    return token;
  }

  /** The page has been read; resolves with it at its place among the events. */
  page(name: string, token: string, page: PresencePage): Promise<PresencePage> {
    const line = this.#lines.get(name);
    const awaited = line?.awaited.get(token);
    if (line === undefined || awaited === undefined) return Promise.resolve(page);
    return new Promise((resolve) => {
      awaited.page = page;
      awaited.resolve = resolve;
      awaited.timer = setTimeout(() => {
        line.awaited.delete(token);
        resolve(page);
        this.#advance(name, line);
      }, this.#deadlineMs);
      this.#advance(name, line);
    });
  }

  /** There will be no page. */
  cancel(name: string, token: string): void {
    const line = this.#lines.get(name);
    if (line === undefined) return;
    line.awaited.delete(token);
    this.#advance(name, line);
  }

  /** An event came over the channel. */
  event(event: PresenceEvent): void {
    const line = this.#lines.get(event.subscription);
    if (line === undefined || (line.held.length === 0 && !line.isPaused)) this.#tell(event);
    else line.held.push(event);
  }

  /** A fence came over the channel: one of ours, or another broker's. */
  fence(name: string, token: string): void {
    const line = this.#lines.get(name);
    if (line?.awaited.has(token) !== true) return;
    line.held.push(token);
    this.#advance(name, line);
  }

  /** Not subscribed any more: no fence will come, and what is held is nobody's. */
  forget(names: readonly string[]): void {
    for (const name of names) this.#release(name, false);
  }

  /**
   * Nothing is received for these names (all, if none are given): no fence will come, and all that is read here is
   * followed by a gap.
   */
  lost(names: Iterable<string> = this.#lines.keys()): void {
    if (this.#lines.size > 0) for (const name of names) this.#release(name, true);
  }

  #release(name: string, isTold: boolean): void {
    const line = this.#lines.get(name);
    if (line === undefined) return;
    this.#lines.delete(name);
    for (const { page, resolve, timer } of line.awaited.values()) {
      clearTimeout(timer);
      if (page !== undefined) resolve?.(page);
    }
    // Those that wait for Redis' answer find nothing to wait for then.
    line.awaited.clear();
    const { held } = line;
    line.held = [];
    if (!isTold) return;
    for (const item of held) if (typeof item !== 'string') this.#tell(item);
  }

  #advance(name: string, line: Line): void {
    if (line.isPaused) return;
    let next = 0;
    while (next < line.held.length) {
      const item = line.held[next];
      if (typeof item === 'object') this.#tell(item);
      else if (item !== undefined) {
        const awaited = line.awaited.get(item);
        // The answer comes over the other connection.
        if (awaited !== undefined && awaited.page === undefined) break;
        if (awaited?.page !== undefined) {
          next++;
          line.awaited.delete(item);
          clearTimeout(awaited.timer);
          awaited.resolve?.(awaited.page);
          this.#pause(name, line);
          break;
        }
      }
      next++;
    }
    line.held.splice(0, next);
    if (line.held.length + line.awaited.size === 0 && !line.isPaused) this.#drop(name, line);
  }

  #pause(name: string, line: Line): void {
    line.isPaused = true;
    // A tick that is queued by a microtask runs when no microtask is left.
    queueMicrotask(() =>
      process.nextTick(() => {
        line.isPaused = false;
        this.#advance(name, line);
      }),
    );
  }

  #drop(name: string, line: Line): void {
    if (this.#lines.get(name) === line) this.#lines.delete(name);
  }
}
