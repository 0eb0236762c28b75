import type { Redis } from 'ioredis';
import { Alarm } from '../../lib/alarm.ts';
import { fullJitterDelayMs } from '../../lib/backoff.ts';
import { destroyClient } from './redis-connect.ts';

/** After a loss every worker of every node comes back; each chooses its own moment. */
const backoff = { baseMs: 50, capMs: 2_000 };

export interface KeptConnectionHooks {
  /** Makes one connection, ready for use; gives up at the signal. */
  open(signal: AbortSignal): Promise<Redis>;
  /** @param isAgain there was one before */
  onReady(client: Redis, isAgain: boolean): void;
  /** The connection that was ready is gone: by itself, or by `replace`. */
  onLost(isReplaced: boolean): void;
  /** An attempt failed; there will be another. */
  onFailed(error: unknown): void;
}

/** Keeps one connection alive: makes it, notices its end, makes it again with backoff. */
export class KeptConnection {
  readonly #hooks: KeptConnectionHooks;
  readonly #abort = new AbortController();
  readonly #alarm = new Alarm();
  #client: Redis | undefined;
  /** Ends the life of the present client. */
  #end: ((isReplaced: boolean) => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(hooks: KeptConnectionHooks) {
    this.#hooks = hooks;
  }

  /** The connection, while it can be used. */
  get client(): Redis | undefined {
    return this.#client;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Gives the present connection up and makes another. What it has not answered is rejected. */
  replace(): void {
    this.#end?.(true);
  }

  /** Ends it at once; resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#alarm.ring();
    this.#end?.(true);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    let failures = 0;
    let isAgain = false;
    while (!signal.aborted) {
      let readyMs = Infinity;
      try {
        const client = await this.#hooks.open(signal);
        readyMs = performance.now();
        await this.#live(client, isAgain);
        isAgain = true;
      } catch (error) {
        if (!signal.aborted) this.#hooks.onFailed(error);
      }
      if (signal.aborted) return;
      // One that dies as soon as it is there is no better than one that cannot be made.
      failures = performance.now() - readyMs > backoff.capMs ? 0 : failures + 1;
      await this.#alarm.sleep(fullJitterDelayMs(failures, backoff));
    }
  }

  /** Until the client's end. */
  async #live(client: Redis, isAgain: boolean): Promise<void> {
    if (this.#abort.signal.aborted || client.status === 'end' || client.status === 'close') {
      destroyClient(client);
      throw new Error('Connection is closed.');
    }
    await new Promise<void>((resolve) => {
      const end = (isReplaced: boolean): void => {
        if (this.#client !== client) return;
        this.#client = undefined;
        this.#end = undefined;
        client.off('close', closed);
        destroyClient(client);
        this.#hooks.onLost(isReplaced);
        resolve();
      };
      const closed = (): void => end(false);
      this.#client = client;
      this.#end = end;
      client.once('close', closed);
      this.#hooks.onReady(client, isAgain);
    });
  }
}
