import type { BigIntStats, Dirent } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { isGlob, parseGlob, type Glob, type GlobLevel } from '../../lib/glob.ts';
import { fileId } from './file-position.ts';

/** Most files of one log that are followed; of more, the first found. */
const mostFiles = 256;
/** Most directory entries that one search looks at. */
const mostEntries = 20_000;

export interface FoundFile {
  /** Absolute. */
  readonly path: string;
  /** The name viewers see: the file's name, or for a glob its path below the glob's base directory. */
  readonly label: string;
  readonly id: string;
  /** Nanoseconds since the epoch. */
  readonly modified: bigint;
}

/** Where a log's lines come from: one path, or all regular files that a glob matches. Symbolic links are followed. */
export class LogSource {
  /** The path or glob, absolute. */
  readonly pattern: string;
  /** The directory in which files come and go. */
  readonly base: string;
  /** How many levels below the base files can be; undefined: any number. */
  readonly depth: number | undefined;
  readonly #glob: Glob | undefined;

  /** @param pattern a relative one is taken from the working directory */
  constructor(pattern: string) {
    this.pattern = resolve(pattern);
    this.#glob = isGlob(this.pattern) ? parseGlob(this.pattern) : undefined;
    this.base = this.#glob?.base ?? dirname(this.pattern);
    this.depth = this.#glob?.levels.includes('anything') === true ? undefined : (this.#glob?.levels.length ?? 1) - 1;
  }

  get isGlob(): boolean {
    return this.#glob !== undefined;
  }

  label(path: string): string {
    return this.#glob === undefined ? basename(path) : relative(this.#glob.base, path);
  }

  /** Whether a path below the base is a file of this log, by its name. */
  matches(path: string): boolean {
    if (this.#glob === undefined) return path === this.pattern;
    const below = relative(this.#glob.base, path);
    return below !== '' && !below.startsWith('..') && matchesLevels(below.split('/'), this.#glob.levels);
  }

  /** The regular files that are there now. */
  async find(): Promise<FoundFile[]> {
    if (this.#glob === undefined) return await this.look([this.pattern]);
    const paths: string[] = [];
    const budget = { entries: mostEntries };
    await walk(this.#glob.base, this.#glob.levels, paths, budget);
    return await this.look([...new Set(paths)].sort());
  }

  /** Those of the paths that are regular files now. */
  async look(paths: readonly string[]): Promise<FoundFile[]> {
    const found = await Promise.all(paths.slice(0, mostFiles).map((path) => this.#look(path)));
    return found.filter((file) => file !== undefined);
  }

  async #look(path: string): Promise<FoundFile | undefined> {
    const stats = await statIfThere(path);
    if (stats === undefined || !stats.isFile()) return undefined;
    return { path, label: this.label(path), id: fileId(stats), modified: stats.mtimeNs };
  }
}

/** Looks for a file that was renamed within its directory. @returns its path now */
export async function findRenamed(path: string, id: string): Promise<string | undefined> {
  const directory = dirname(path);
  for await (const entry of entriesOf(directory, { entries: mostEntries })) {
    if (!entry.isFile()) continue;
    const candidate = join(directory, entry.name);
    const stats = await statIfThere(candidate);
    if (stats !== undefined && fileId(stats) === id) return candidate;
  }
  return undefined;
}

function matchesLevels(names: readonly string[], levels: readonly GlobLevel[]): boolean {
  const [level, ...deeper] = levels;
  const [name, ...below] = names;
  if (level === undefined) return name === undefined;
  if (level === 'anything') {
    return matchesLevels(names, deeper) || (name !== undefined && isShown(name) && matchesLevels(below, levels));
  }
  return name !== undefined && level(name) && matchesLevels(below, deeper);
}

async function walk(
  directory: string,
  levels: readonly GlobLevel[],
  paths: string[],
  budget: { entries: number },
): Promise<void> {
  const [level, ...deeper] = levels;
  if (level === undefined) return;
  if (level === 'anything') await walk(directory, deeper.length > 0 ? deeper : [isShown], paths, budget);
  for await (const entry of entriesOf(directory, budget)) {
    const path = join(directory, entry.name);
    if (level === 'anything') {
      // Links to directories are not followed here: they may lead in circles.
      if (entry.isDirectory() && isShown(entry.name)) await walk(path, levels, paths, budget);
    } else if (level(entry.name)) {
      if (deeper.length === 0) paths.push(path);
      else if (entry.isDirectory() || entry.isSymbolicLink()) await walk(path, deeper, paths, budget);
    }
  }
}

function isShown(name: string): boolean {
  return !name.startsWith('.');
}

/** A directory's entries; none when it cannot be read. */
async function* entriesOf(directory: string, budget: { entries: number }): AsyncGenerator<Dirent> {
  try {
    for await (const entry of await opendir(directory)) {
      if (budget.entries-- <= 0) return;
      yield entry;
    }
  } catch {
    // Not there, not a directory, or not for us to read: nothing found. It is looked for again.
  }
}

/** undefined: there is nothing, or nothing that may be seen. It is looked for again. */
async function statIfThere(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch {
    return undefined;
  }
}
