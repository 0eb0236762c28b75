import { watch as watchDirectory } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { watch as watchTree } from 'chokidar';
import type { LogSource } from './log-source.ts';

/**
 * Most entries in a tree that chokidar watches. At every event of a directory it looks at all entries of it: with 1,000
 * of them, 50 lines a second in one file keep a core busy. With more entries only the base directory is watched.
 */
const mostScanned = 100;

/**
 * Tells when something happened to a log's files or in the directory they are in. Only a hint: events get lost when a
 * directory is replaced, on network file systems, or when the system's watches are used up; whoever relies on this
 * looks for himself from time to time as well.
 */
export class SourceWatch {
  readonly #source: LogSource;
  readonly #onEvent: (namesChanged: boolean) => void;
  readonly #onFailure: (error: unknown) => void;
  #close: (() => Promise<void> | void) | undefined;
  /** Which directory is watched, and how. */
  #watched: string | undefined;
  #failed = false;

  /**
   * @param onEvent told whether files or directories came or went, or only contents changed
   * @param onFailure called at most once
   */
  constructor(source: LogSource, onEvent: (namesChanged: boolean) => void, onFailure: (error: unknown) => void) {
    this.#source = source;
    this.#onEvent = onEvent;
    this.#onFailure = onFailure;
  }

  /** Begins to watch, or begins anew when the directory came, was replaced or became large. Call it from time to time. */
  async refresh(): Promise<void> {
    const { base, depth } = this.#source;
    const id = await stat(base).then(
      ({ dev, ino }) => `${dev}:${ino}`,
      () => undefined,
    );
    const isLarge = id !== undefined && (await countEntries(base, depth ?? Infinity, mostScanned + 1)) > mostScanned;
    const watched = id === undefined ? undefined : `${id} ${isLarge ? 'base' : 'tree'}`;
    if (watched === this.#watched) return;
    await this.close();
    this.#watched = watched;
    if (watched === undefined) return;
    try {
      this.#close = isLarge ? this.#watchBase() : this.#watchTree();
    } catch (error) {
      // Not there any more, or no watches left.
      this.#fail(error);
    }
  }

  async close(): Promise<void> {
    this.#watched = undefined;
    const close = this.#close;
    this.#close = undefined;
    await close?.();
  }

  #watchTree(): () => Promise<void> {
    const { base, depth } = this.#source;
    const watcher = watchTree(base, {
      ignoreInitial: true,
      ignorePermissionErrors: true,
      ...(depth === undefined ? {} : { depth }),
      ignored: (path, stats) => stats?.isFile() === true && !this.#source.matches(path),
    });
    watcher.on('all', (event) => this.#onEvent(event !== 'change'));
    watcher.on('error', (error) => this.#fail(error));
    return () => watcher.close();
  }

  #watchBase(): () => void {
    const { base, depth } = this.#source;
    const watcher = watchDirectory(base, (event, name) => {
      const isOwn = name === null || this.#source.matches(join(base, name));
      const namesChanged = event === 'rename';
      // Where files are deeper, what came or went here may be a directory of them.
      if (isOwn || (namesChanged && depth !== 0)) this.#onEvent(namesChanged);
    });
    watcher.on('error', (error) => this.#fail(error));
    return () => watcher.close();
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#onFailure(error);
  }
}

/** How many entries there are in a directory and so many levels below it; no more than `most` are counted. */
async function countEntries(directory: string, depth: number, most: number): Promise<number> {
  let count = 0;
  try {
    for await (const entry of await opendir(directory)) {
      count++;
      if (entry.isDirectory() && depth > 0)
        count += await countEntries(join(directory, entry.name), depth - 1, most - count);
      if (count >= most) break;
    }
  } catch {
    // Gone, or not for us to read: nothing in it is watched either.
  }
  return count;
}
