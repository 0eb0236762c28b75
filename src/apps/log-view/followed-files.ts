import type { FilePosition } from './file-position.ts';
import { findRenamed, type FoundFile, type LogSource } from './log-source.ts';
import { openRegularFile, TailFile } from './tail-file.ts';

/** A position, and under which path its file was followed. */
export interface SavedPosition extends FilePosition {
  readonly path: string;
}

/** A file of a log that is open. */
export interface FollowedFile {
  readonly tail: TailFile;
  /** Where it is, or was last, found. */
  path: string;
  /** Since when it is not found at any path; undefined while it is. Times are of `performance.now`. */
  goneAt: number | undefined;
  /** The file whose place it took and whose lines come first. */
  after: FollowedFile | undefined;
  readonly appearedAt: number;
  /** What came of the last reading. */
  state: 'quiet' | 'grew' | 'more';
  /** Since when `state` is quiet. */
  quietAt: number;
}

export interface FollowedFilesOptions {
  readonly source: LogSource;
  /** Where to go on. A file that is not among these is read from its beginning. */
  readonly positions: readonly SavedPosition[];
  /** The first era of a file that is not among the positions. */
  readonly firstEra: number;
  /** A file cannot be opened; it is tried again at the next look. */
  complain(path: string, error: unknown): void;
}

/** Positions of files no longer followed that are kept, in case one comes back. */
const mostRemembered = 256;

/**
 * Which files a log consists of: those that are found at its paths, and those that were until a while ago. New ones are
 * opened where they were left, if they ever were; what is read of them, and for how long, is decided elsewhere.
 */
export class FollowedFiles {
  readonly #options: FollowedFilesOptions;
  readonly #files = new Map<string, FollowedFile>();
  /** Positions given at the start whose files were not found yet. */
  readonly #unclaimed = new Map<string, SavedPosition>();
  /** Positions of files no longer followed. */
  readonly #left = new Map<string, SavedPosition>();

  constructor(options: FollowedFilesOptions) {
    this.#options = options;
    for (const position of options.positions) this.#unclaimed.set(position.id, position);
  }

  /** Those that are open now, oldest first. */
  get all(): FollowedFile[] {
    return [...this.#files.values()];
  }

  has(file: FollowedFile): boolean {
    return this.#files.get(file.tail.id) === file;
  }

  /** Where each file's published lines end. */
  get positions(): SavedPosition[] {
    return [...this.all.map(({ tail, path }) => ({ ...tail.published, path })), ...this.#unclaimed.values()];
  }

  /** Looks which files there are. @param searches whether a glob's directories are read, or only known paths looked at */
  async look(searches: boolean): Promise<void> {
    const { source } = this.#options;
    const present = this.all.filter(({ goneAt }) => goneAt === undefined);
    const found = searches || !source.isGlob ? await source.find() : await source.look(present.map(({ path }) => path));
    const owners = this.#owners();
    const missing = new Set(present);
    for (const file of found) {
      const known = this.#files.get(file.id);
      if (known === undefined) {
        await this.#adopt(file, owners.get(file.path));
        continue;
      }
      known.path = file.path;
      known.goneAt = undefined;
      missing.delete(known);
    }
    for (const file of missing) file.goneAt ??= performance.now();
  }

  /** Closes a file and remembers where it was left. */
  async leave({ tail, path }: FollowedFile): Promise<void> {
    this.#files.delete(tail.id);
    this.#left.set(tail.id, { ...tail.published, path });
    for (const [id] of this.#left) {
      if (this.#left.size <= mostRemembered) break;
      this.#left.delete(id);
    }
    await tail.close();
  }

  /** Closes all files; `positions` stays as it is. */
  async close(): Promise<void> {
    for (const { tail } of this.all) await tail.close();
  }

  /** Who is followed at each path, or was last. */
  #owners(): Map<string, FollowedFile> {
    const owners = new Map<string, FollowedFile>();
    const [gone, present] = [true, false].map((isGone) =>
      this.all.filter(({ goneAt }) => (goneAt !== undefined) === isGone),
    );
    for (const file of [...(gone ?? []), ...(present ?? [])]) owners.set(file.path, file);
    return owners;
  }

  async #adopt({ path, label, id }: FoundFile, owner: FollowedFile | undefined): Promise<void> {
    const after = owner ?? (await this.#adoptRenamed(path, id));
    await this.#open(path, { path, label, after, goneAt: undefined });
  }

  /**
   * Finds the files that were followed at this path by whoever saved the positions, and were renamed before we came.
   * @returns the newest of them
   */
  async #adoptRenamed(path: string, newId: string): Promise<FollowedFile | undefined> {
    let newest: FollowedFile | undefined;
    for (const saved of this.#unclaimed.values()) {
      if (saved.path !== path || saved.id === newId) continue;
      const renamed = await findRenamed(path, saved.id);
      if (renamed !== undefined) {
        const label = this.#options.source.label(path);
        newest = (await this.#open(renamed, { path, label, after: newest, goneAt: performance.now() })) ?? newest;
      }
      this.#unclaimed.delete(saved.id);
    }
    return newest;
  }

  /** Opens a file and begins to follow it. undefined: it is not to be had, or followed already. */
  async #open(
    realPath: string,
    { label, ...facts }: Pick<FollowedFile, 'path' | 'after' | 'goneAt'> & { readonly label: string },
  ): Promise<FollowedFile | undefined> {
    try {
      const opened = await openRegularFile(realPath);
      if (opened === undefined) return undefined;
      const { handle, id } = opened;
      // Between looking and opening another may have taken its place; if that one is known, the next look sorts it out.
      if (this.#files.has(id)) {
        await handle.close();
        return undefined;
      }
      const start = { id, era: this.#options.firstEra, offset: 0, mark: '' };
      const tail = await TailFile.follow(handle, label, this.#unclaimed.get(id) ?? this.#left.get(id) ?? start);
      const at = performance.now();
      const file: FollowedFile = { tail, ...facts, appearedAt: at, state: 'grew', quietAt: at };
      this.#files.set(id, file);
      this.#unclaimed.delete(id);
      this.#left.delete(id);
      return file;
    } catch (error) {
      this.#options.complain(facts.path, error);
      return undefined;
    }
  }
}
