import { stat } from 'node:fs/promises';
import { watch, type FSWatcher } from 'chokidar';
import type { LogSource } from './log-source.ts';

/**
 * Tells when something happened to a log's files or in the directory they are in. Only a hint: events get lost when a
 * directory is replaced, on network file systems, or when the system's watches are used up; whoever relies on this
 * looks for himself from time to time as well.
 */
export class SourceWatch {
  readonly #source: LogSource;
  readonly #onEvent: () => void;
  readonly #onFailure: (error: unknown) => void;
  #watcher: FSWatcher | undefined;
  #watched: string | undefined;
  #failed = false;

  /** @param onFailure called at most once */
  constructor(source: LogSource, onEvent: () => void, onFailure: (error: unknown) => void) {
    this.#source = source;
    this.#onEvent = onEvent;
    this.#onFailure = onFailure;
  }

  /** Begins to watch, or begins anew when the directory came or was replaced. Call it from time to time. */
  async refresh(): Promise<void> {
    const { base } = this.#source;
    const id = await stat(base).then(
      ({ dev, ino }) => `${dev}:${ino}`,
      () => undefined,
    );
    if (id === this.#watched) return;
    await this.close();
    this.#watched = id;
    if (id === undefined) return;
    const watcher = watch(base, {
      ignoreInitial: true,
      ignorePermissionErrors: true,
      ...(this.#source.depth === undefined ? {} : { depth: this.#source.depth }),
      ignored: (path, stats) => stats?.isFile() === true && !this.#source.matches(path),
    });
    watcher.on('all', this.#onEvent);
    watcher.on('error', (error) => this.#fail(error));
    this.#watcher = watcher;
  }

  async close(): Promise<void> {
    this.#watched = undefined;
    const watcher = this.#watcher;
    this.#watcher = undefined;
    await watcher?.close();
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#onFailure(error);
  }
}
