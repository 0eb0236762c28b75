import { Alarm } from '../../lib/alarm.ts';
import type { Log } from '../../lib/log.ts';
import { markBytes } from './file-position.ts';
import { FollowedFiles, type FollowedFile, type LogPosition } from './followed-files.ts';
import type { LogSource } from './log-source.ts';
import { chunkBytes, type FileBatch, type PublishBatch } from './tail-file.ts';
import { SourceWatch } from './watch-source.ts';

export interface FollowOptions {
  readonly source: LogSource;
  /** How often batches leave, and how often the files are looked at whether or not there was an event; milliseconds. */
  readonly refreshMs: number;
  /** Where to go on. A file that is not in it is read from its beginning. */
  readonly resumeFrom: LogPosition;
  /** Resolves when the batch was accepted; rejects only when the signal ends the waiting. */
  publish(batch: FileBatch, signal: AbortSignal): Promise<void>;
  readonly log: Log;
}

/** Events come in rows: this long after one, the files are looked at. Milliseconds. */
const settleMs = 10;
/** A glob's directories are searched when names in them change, and at least this often; milliseconds. */
const searchMs = 2_000;
/** Where names change all the time, a search that took long is not repeated before this many times as long. */
const searchRest = 10;
/** A file that took another's place is read once the other was quiet for this many refreshes, and for this long. */
const orderRefreshes = 2;
const orderMs = 100;
/** It waits at most this long for one that was read to its end but goes on growing slowly; milliseconds. */
const longestWaitMs = 5_000;
/** A file that is no longer found at its path is read until it was quiet for this long; milliseconds. */
const lingerMs = 30_000;
/** How long a stop waits for batches to be accepted; milliseconds. */
const stopMs = 1_000;
/**
 * Follows a log: all files of its source, each from where it was left, through rotations. Two loops run side by side.
 * One looks which files there are and opens new ones at once, so that none is missed while a burst is being read; the
 * other reads and publishes, one file after the other.
 */
export class FollowLog {
  readonly #options: FollowOptions;
  readonly #watch: SourceWatch;
  readonly #files: FollowedFiles;
  readonly #unreadable = new Set<string>();
  readonly #buffer = Buffer.allocUnsafe(markBytes + chunkBytes);
  readonly #lookAlarm = new Alarm();
  readonly #readAlarm = new Alarm();
  readonly #ending = new AbortController();
  readonly #publish: PublishBatch = (batch) => this.#options.publish(batch, this.#ending.signal);
  #searchedAt = -Infinity;
  #searchTookMs = 0;
  /** There was an event since the last look. */
  #isStirred = true;
  /** Files or directories came or went since the last search. */
  #namesChanged = true;
  #flushedAt = -Infinity;
  #loops: Promise<unknown> | undefined;
  #stopped = false;
  #stopping: Promise<void> | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
    const { source, resumeFrom } = options;
    this.#files = new FollowedFiles({
      source,
      resumeFrom,
      complain: (path, error) => this.#complain(path, error),
    });
    this.#watch = new SourceWatch(
      source,
      (namesChanged) => this.#stir(namesChanged),
      (error) =>
        options.log.warn(
          { event: 'log-watch-failed', path: source.base, err: error },
          'no events for a log; it is polled',
        ),
    );
  }

  start(): void {
    this.#loops ??= Promise.all([this.#lookLoop(), this.#readLoop()]);
  }

  /** Something happened to the files: look now. */
  #stir(namesChanged: boolean): void {
    this.#isStirred = true;
    this.#namesChanged ||= namesChanged;
    this.#lookAlarm.ring();
  }

  /** Where to go on after this. */
  get position(): LogPosition {
    return this.#files.position;
  }

  /**
   * Ends both loops, after what is being published or a bounded time. What was read but not accepted is read again by
   * whoever goes on from `position`; only what nobody could open again is published before.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#stopped = true;
    const force = setTimeout(() => this.#ending.abort(), stopMs);
    this.#lookAlarm.ring();
    this.#readAlarm.ring();
    await this.#loops;
    await this.#watch.close();
    for (const file of this.#files.all) {
      try {
        if (await file.tail.isDeleted()) await this.#readLast(file);
      } catch (error) {
        this.#complain(file.path, error);
      }
    }
    await this.#files.close();
    clearTimeout(force);
  }

  /** Reads a file to its end, after those whose lines come before. */
  async #readLast(file: FollowedFile): Promise<void> {
    const { tail, after } = file;
    file.after = undefined;
    if (after !== undefined && this.#files.has(after)) await this.#readLast(after);
    while ((await tail.advance(this.#buffer, this.#publish)) === 'more');
    await tail.finish(this.#publish);
  }

  async #lookLoop(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#look();
      } catch (error) {
        this.#complain(this.#options.source.pattern, error);
      }
      this.#readAlarm.ring();
      await this.#lookAlarm.sleep(this.#options.refreshMs);
      if (this.#isStirred && !this.#stopped) await new Promise((resolve) => setTimeout(resolve, settleMs));
    }
  }

  async #look(): Promise<void> {
    const begun = now();
    const searches = begun - this.#searchedAt >= this.#searchDueMs;
    this.#isStirred = false;
    if (searches) {
      this.#namesChanged = false;
      await this.#watch.refresh();
    }
    await this.#files.look(searches);
    if (!searches) return;
    this.#searchedAt = now();
    this.#searchTookMs = this.#searchedAt - begun;
  }

  /** How long after the last search the next is due. */
  get #searchDueMs(): number {
    if (!this.#namesChanged) return searchMs;
    return Math.max(this.#options.refreshMs, Math.min(searchRest * this.#searchTookMs, searchMs));
  }

  async #readLoop(): Promise<void> {
    let sleepMs = this.#options.refreshMs;
    while (!this.#stopped) {
      await this.#readAlarm.sleep(sleepMs);
      try {
        const more = await this.#read();
        const dueMs = await this.#flush();
        sleepMs = more ? 0 : dueMs;
      } catch (error) {
        if (!this.#stopped) this.#complain(this.#options.source.pattern, error);
      }
    }
  }

  /** Gives every file its turn. @returns whether one has more */
  async #read(): Promise<boolean> {
    let more = false;
    for (const file of this.#files.all) {
      if (this.#stopped) return false;
      if (file.after !== undefined && this.#waits(file, file.after)) continue;
      if (file.after !== undefined) await this.#goAfter(file, file.after);
      if (!(await this.#advance(file))) continue;
      more ||= file.state === 'more';
      const { goneAt } = file;
      if (goneAt !== undefined && file.state === 'quiet' && now() - Math.max(goneAt, file.quietAt) > lingerMs)
        await this.#leave(file);
    }
    return more;
  }

  /** @returns false when the file could not be read */
  async #advance(file: FollowedFile): Promise<boolean> {
    try {
      const state = await file.tail.advance(this.#buffer, this.#publish);
      if (state === 'quiet' && file.state !== 'quiet') file.quietAt = now();
      file.state = state;
      if (state !== 'quiet') this.#unreadable.delete(file.path);
      return true;
    } catch (error) {
      if (this.#stopped) throw error;
      this.#complain(file.path, error);
      await this.#files.leave(file);
      return false;
    }
  }

  /** Whether a file's lines have to wait for those of the file whose place it took. */
  #waits(file: FollowedFile, before: FollowedFile): boolean {
    if (!this.#files.has(before)) return false;
    if (before.state === 'more') return true;
    if (before.after !== undefined && before.after !== file) return true;
    if (now() - file.appearedAt > longestWaitMs) return false;
    if (file.isSettled) return before.state !== 'quiet';
    const graceMs = Math.max(orderRefreshes * this.#options.refreshMs, orderMs);
    return before.state !== 'quiet' || now() - Math.max(before.quietAt, file.appearedAt) < graceMs;
  }

  async #goAfter(file: FollowedFile, before: FollowedFile): Promise<void> {
    file.after = undefined;
    if (!this.#files.has(before)) return;
    if (before.goneAt === undefined) await before.tail.flush(this.#publish);
    else await before.tail.finish(this.#publish);
  }

  /** @returns how long until the next flush is due, or the next look at the files */
  async #flush(): Promise<number> {
    const { refreshMs } = this.#options;
    const dueMs = this.#flushedAt + refreshMs - now();
    const waiting = this.#files.all.filter(({ tail }) => tail.hasLines);
    if (waiting.length === 0) return refreshMs;
    if (dueMs > 0) return dueMs;
    for (const { tail } of waiting) await tail.flush(this.#publish);
    this.#flushedAt = now();
    return refreshMs;
  }

  /** Nothing more is expected of this file. */
  async #leave(file: FollowedFile): Promise<void> {
    await file.tail.finish(this.#publish);
    // It may have come back meanwhile.
    if (file.goneAt !== undefined) await this.#files.leave(file);
  }

  #complain(path: string, error: unknown): void {
    // A file that vanished between looking and opening is an everyday event; the next look finds its successor.
    if (isMissing(error) || this.#unreadable.has(path)) return;
    this.#unreadable.add(path);
    this.#options.log.warn(
      { event: 'log-unreadable', path, err: error },
      'a log cannot be read; it is tried again and again',
    );
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function now(): number {
  return performance.now();
}
