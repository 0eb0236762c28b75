import type { FilePosition } from './file-position.ts';
import { findRenamed, type FoundFile, type LogSource } from './log-source.ts';
import { openRegularFile, TailFile } from './tail-file.ts';

/** A position, and under which path its file was followed. */
export interface SavedPosition extends FilePosition {
  readonly path: string;
}

/** Where the reading of a log stands: what another worker needs to go on with it. */
export interface LogPosition {
  /** The era of files that are new. */
  readonly era: number;
  /** The files that are followed, oldest first, and where their published lines end. */
  readonly files: readonly SavedPosition[];
  /**
   * Files that are followed no longer, the latest last. One may come back; or its id is given to another file, whose
   * lines then have to be of a later era.
   */
  readonly left: readonly FilePosition[];
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
  /** Nobody writes to that one any more: this one was rotated away too, or read before, by whoever came before us. */
  readonly isSettled: boolean;
  readonly appearedAt: number;
  /** What came of the last reading. */
  state: 'quiet' | 'grew' | 'more';
  /** Since when `state` is quiet. */
  quietAt: number;
}

export interface FollowedFilesOptions {
  readonly source: LogSource;
  /** Where to go on. A file that is not in it is read from its beginning. */
  readonly resumeFrom: LogPosition;
  /** A file cannot be opened; it is tried again at the next look. */
  complain(path: string, error: unknown): void;
}

/** Positions of files no longer followed that are kept. */
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
  /** Positions of files no longer followed, the latest last. */
  readonly #left = new Map<string, FilePosition>();
  /** Higher than any era of a file that was forgotten. */
  #newEra: number;

  constructor(options: FollowedFilesOptions) {
    this.#options = options;
    const { era, files, left } = options.resumeFrom;
    this.#newEra = era;
    for (const position of files) this.#unclaimed.set(position.id, position);
    for (const position of left) this.#left.set(position.id, position);
  }

  /** Those that are open now, oldest first. */
  get all(): FollowedFile[] {
    return [...this.#files.values()];
  }

  has(file: FollowedFile): boolean {
    return this.#files.get(file.tail.id) === file;
  }

  get position(): LogPosition {
    const open = this.all.map(({ tail, path }) => ({ ...tail.published, path }));
    return { era: this.#newEra, files: [...open, ...this.#unclaimed.values()], left: [...this.#left.values()] };
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
  async leave({ tail }: FollowedFile): Promise<void> {
    this.#files.delete(tail.id);
    this.#remember(tail.published);
    await tail.close();
  }

  #remember({ id, era, offset, mark }: FilePosition): void {
    this.#left.set(id, { id, era, offset, mark });
    for (const [oldest, forgotten] of this.#left) {
      if (this.#left.size <= mostRemembered) break;
      this.#left.delete(oldest);
      this.#newEra = Math.max(this.#newEra, forgotten.era + 1);
    }
  }

  /** Closes all files; `position` stays as it is. */
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
    const before = owner === undefined ? await this.#adoptRenamed(path, id) : { after: owner, isSettled: false };
    await this.#open(path, { path, label, goneAt: undefined, ...before });
  }

  /**
   * Finds the files that were followed at this path by whoever saved the position, and were renamed before we came.
   * @returns the newest of them
   */
  async #adoptRenamed(path: string, newId: string): Promise<Pick<FollowedFile, 'after' | 'isSettled'>> {
    const wasRead = (this.#unclaimed.get(newId)?.offset ?? 0) > 0;
    let newest: FollowedFile | undefined;
    let isSettled = false;
    for (const saved of this.#unclaimed.values()) {
      if (saved.path !== path) continue;
      if (saved.id === newId) {
        isSettled = wasRead;
        continue;
      }
      const renamed = await findRenamed(path, saved.id);
      const label = this.#options.source.label(path);
      const order = { after: newest, isSettled: true };
      const opened =
        renamed === undefined
          ? undefined
          : await this.#open(renamed, { path, label, goneAt: performance.now(), ...order });
      if (opened === undefined) this.#remember(saved);
      else [newest, isSettled] = [opened, false];
      this.#unclaimed.delete(saved.id);
    }
    return { after: newest, isSettled };
  }

  /** Opens a file and begins to follow it. undefined: it is not to be had, or followed already. */
  async #open(
    realPath: string,
    { label, ...facts }: Pick<FollowedFile, 'path' | 'after' | 'isSettled' | 'goneAt'> & { readonly label: string },
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
      const start = { id, era: this.#newEra, offset: 0, mark: '' };
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
