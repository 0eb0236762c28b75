import type { FileHandle } from 'node:fs/promises';
import { markOf } from './file-position.ts';
import type { SavedPosition } from './followed-files.ts';
import type { LineBatch } from './line-batch.ts';
import { LineSplitter, type Line } from './line-splitter.ts';
import type { FoundFile, LogSource } from './log-source.ts';
import { backlogBytes, type LogFile } from './log-view-protocol.ts';
import { chunkBytes, openRegularFile, readBefore } from './tail-file.ts';

/** How far back the beginning of the backlog is looked for, in bytes of one file. */
const searchBytes = 16 * 1024 * 1024;
/** How often a file is read that is truncated while it is being read. */
const mostTries = 3;
/** How many bytes from the beginning and before the end of what was read are kept to recognise the contents by. */
export const sampleBytes: number = 16 * 1024;

/** The backlog of one file, and what is needed to join the lines that follow to it. */
export interface FileBacklog {
  readonly file: string;
  readonly id: string;
  readonly lines: readonly string[];
  /** Lines that end up to here are in the backlog, or older than it. */
  readonly end: number;
  /** The file's first bytes and the last before `end`, each at most `sampleBytes`. */
  readonly head: Buffer;
  readonly recent: Buffer;
}

/** What there is still room for in a backlog. */
interface Room {
  readonly lines: number;
  readonly bytes: number;
}

export interface Backlog {
  readonly files: readonly LogFile[];
  /** One per file that is followed; the most recently changed file last. */
  readonly parts: readonly FileBacklog[];
}

/**
 * The last lines of a log: of the most recently changed file, and, if it has not that many, of those changed before.
 * @param tail how many lines at most; also bounded by `backlogBytes`
 * @param ends up to where files are read, by their ids, where that is not their present end
 */
export async function readBacklog(
  source: LogSource,
  tail: number,
  ends: ReadonlyMap<string, number> = new Map(),
): Promise<Backlog> {
  const found = (await source.find()).toSorted((a, b) => Number(b.modified - a.modified));
  const files: LogFile[] = [];
  const parts: FileBacklog[] = [];
  const room = { lines: tail, bytes: backlogBytes };
  for (const file of found) {
    const part = await withFile(file, (handle, id) => readFileBacklog(handle, file.label, id, room, ends.get(id)));
    files.push({ file: file.label, state: part === undefined ? 'unreadable' : 'followed' });
    if (part === undefined) continue;
    parts.unshift(part);
    room.lines -= part.lines.length;
    for (const line of part.lines) room.bytes -= Buffer.byteLength(line) + 1;
  }
  if (found.length === 0 && !source.isGlob) files.push({ file: source.label(source.pattern), state: 'missing' });
  return { files, parts };
}

/** Where the last whole line of each file of a log ends now. */
export async function presentPositions(source: LogSource, era: number): Promise<SavedPosition[]> {
  const positions: SavedPosition[] = [];
  for (const file of await source.find()) {
    const position = await withFile(file, async (handle, id, size) => {
      const { end } = await findLines(handle, size, 0);
      const before = await readBefore(handle, end);
      return before === undefined ? undefined : { id, era, offset: end, mark: markOf(before), path: file.path };
    });
    if (position !== undefined) positions.push(position);
  }
  return positions;
}

/**
 * The last lines before these positions, as whoever followed the files would have published them last; a batch for each
 * file that is still as it was, without lines where it has none.
 * @param tail how many lines of each file at most
 */
export async function readPublished(
  source: LogSource,
  positions: readonly SavedPosition[],
  tail: number,
): Promise<Omit<LineBatch, 'node'>[]> {
  const known = new Map(positions.map((position) => [position.id, position]));
  const batches: Omit<LineBatch, 'node'>[] = [];
  for (const file of (await source.find()).toSorted((a, b) => Number(a.modified - b.modified))) {
    const position = known.get(file.id);
    if (position === undefined) continue;
    const { id, era, offset: end, mark } = position;
    const lines = await withFile(file, async (handle, openedId) => {
      // Other contents are at that place, if another file is there by now or this one was truncated.
      const before = openedId === id ? await readBefore(handle, end) : undefined;
      if (before === undefined || markOf(before) !== mark) return undefined;
      const { start } = await findLines(handle, end, tail);
      return await readLines(handle, start, end, { lines: tail, bytes: backlogBytes });
    });
    if (lines === undefined) continue;
    const lengths = lines.map(({ bytes }) => bytes);
    const start = lengths.reduce((place, length) => place - length, end);
    batches.push({ file: file.label, id, era, start, end, lines: lines.map(({ text }) => text), lengths });
  }
  return batches;
}

/** undefined: the file cannot be read, or is not there any more. Its follower says so in the error log. */
async function withFile<T>(
  { path }: FoundFile,
  use: (handle: FileHandle, id: string, size: number) => Promise<T>,
): Promise<T | undefined> {
  try {
    const opened = await openRegularFile(path);
    if (opened === undefined) return undefined;
    try {
      return await use(opened.handle, opened.id, opened.size);
    } finally {
      await opened.handle.close();
    }
  } catch {
    return undefined;
  }
}

async function readFileBacklog(
  handle: FileHandle,
  file: string,
  id: string,
  room: Room,
  most: number | undefined,
): Promise<FileBacklog> {
  for (let tries = 0; tries < mostTries; tries++) {
    const read = await tryToReadFileBacklog(handle, room, most);
    if (read !== undefined) return { file, id, ...read };
  }
  // All that is in it is new, then, and comes live.
  return { file, id, lines: [], end: 0, head: Buffer.alloc(0), recent: Buffer.alloc(0) };
}

/** undefined: the file was truncated meanwhile, so that the parts need not be of the same contents. */
async function tryToReadFileBacklog(
  handle: FileHandle,
  room: Room,
  most = Infinity,
): Promise<Omit<FileBacklog, 'file' | 'id'> | undefined> {
  const size = Math.min((await handle.stat()).size, most);
  const headEnd = Math.min(size, sampleBytes);
  const head = await readRange(handle, 0, headEnd);
  const { start, end } = await findLines(handle, size, room.lines);
  const lines = room.lines === 0 ? [] : (await readLines(handle, start, end, room)).map(({ text }) => text);
  const recent = await readRange(handle, Math.max(0, end - sampleBytes), end);
  const isWhole = head.length === headEnd && (await readRange(handle, 0, headEnd)).equals(head);
  return isWhole ? { lines, end, head: head.subarray(0, end), recent } : undefined;
}

/**
 * Looks backwards for line ends, in blocks.
 * @returns where the last `count` whole lines begin, or as many as are within `searchBytes`, and where they end
 */
async function findLines(handle: FileHandle, size: number, count: number): Promise<{ start: number; end: number }> {
  const bound = Math.max(0, size - searchBytes);
  let end: number | undefined;
  let start = bound;
  let found = 0;
  for (let at = size; at > bound;) {
    const blockStart = Math.max(bound, at - chunkBytes);
    const block = await readRange(handle, blockStart, at);
    for (let i = block.lastIndexOf(0x0a); i >= 0; i = i === 0 ? -1 : block.lastIndexOf(0x0a, i - 1)) {
      start = blockStart + i + 1;
      end ??= start;
      if (found++ === count) return { start, end };
    }
    at = blockStart;
  }
  if (bound === 0) return { start: 0, end: end ?? 0 };
  // No line end within reach: a single line longer than that. Lines that end in what was looked at there are none.
  return end === undefined ? { start: size, end: size } : { start, end };
}

/** The last lines between two line beginnings that there is room for. */
async function readLines(handle: FileHandle, start: number, end: number, room: Room): Promise<Line[]> {
  const splitter = new LineSplitter();
  const lines: Line[] = [];
  let first = 0;
  let bytes = 0;
  for (let at = start; at < end; at += chunkBytes) {
    for (const line of splitter.split(await readRange(handle, at, Math.min(end, at + chunkBytes)))) {
      bytes += Buffer.byteLength(line.text) + 1;
      lines.push(line);
      while (lines.length - first > room.lines || bytes > room.bytes)
        bytes -= Buffer.byteLength(lines[first++]?.text ?? '') + 1;
    }
    lines.splice(0, first);
    first = 0;
  }
  return lines.slice(first);
}

/** Fewer bytes than asked for when the file is shorter by now. */
async function readRange(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(end - start), 0, end - start, start);
  return buffer.subarray(0, bytesRead);
}
