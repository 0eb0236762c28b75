import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { fileId, markBytes, markOf, type FilePosition } from './file-position.ts';
import { LineCollector, type LineBatch } from './line-batch.ts';
import { LineSplitter, type Line } from './line-splitter.ts';

/** How much is read at once, in bytes. */
export const chunkBytes: number = 64 * 1024;
/** How much is read of one file before others have their turn, in bytes. */
const turnBytes = 4 * 1024 * 1024;

/** A batch as a file gives it; who publishes adds the node. */
export type FileBatch = Omit<LineBatch, 'node'>;

/** Resolves when the batch was accepted. Nothing more is read meanwhile: that is the back-pressure. */
export type PublishBatch = (batch: FileBatch) => Promise<void>;

/** A regular file opened for reading, and its id. undefined: it is not a regular file. */
export async function openRegularFile(
  path: string,
): Promise<{ handle: FileHandle; id: string; size: number } | undefined> {
  // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.isFile()) return { handle, id: fileId(stats), size: Number(stats.size) };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

/**
 * Follows one file, the inode whatever its name, from a position on: bytes to batches of lines. Notices when the file
 * was truncated, also when it has grown past the old place again: the bytes before that place are read with every chunk
 * and compared. Which file to follow, and for how long, is decided elsewhere.
 */
export class TailFile {
  readonly id: string;
  /** The file's name for viewers. */
  readonly label: string;
  readonly #handle: FileHandle;
  readonly #splitter = new LineSplitter();
  readonly #collector = new LineCollector();
  #era: number;
  /** Up to where the file was read. */
  #offset: number;
  /** The last bytes before `#offset`, at most `markBytes`. */
  #before: Buffer;
  /** Where the batch being collected begins. */
  #batchStart: number;
  /** `markOf` the bytes before the end of the batch being collected. */
  #batchMark: string;
  #published: FilePosition;
  /** Size and modification time when the file was last read to its end. */
  #seen = '';

  private constructor(handle: FileHandle, label: string, position: FilePosition, before: Buffer) {
    this.id = position.id;
    this.label = label;
    this.#handle = handle;
    this.#era = position.era;
    this.#offset = position.offset;
    this.#before = before;
    this.#batchStart = position.offset;
    this.#batchMark = position.mark;
    this.#published = position;
  }

  /**
   * Takes over an open file; closes it when this fails.
   * @param position where to go on; when the file was truncated since, it is read from its beginning, in a new era
   */
  static async follow(handle: FileHandle, label: string, position: FilePosition): Promise<TailFile> {
    try {
      const before = await readBefore(handle, position.offset);
      if (before !== undefined && markOf(before) === position.mark) {
        return new TailFile(handle, label, position, before);
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    const { id, era } = position;
    return new TailFile(handle, label, { id, era: era + 1, offset: 0, mark: '' }, Buffer.alloc(0));
  }

  /** The end of the last line that was published and accepted. */
  get published(): FilePosition {
    return this.#published;
  }

  /** Whether lines wait to be published. */
  get hasLines(): boolean {
    return this.#collector.count > 0;
  }

  /**
   * Reads what there is, at most a turn's worth, and publishes the batches that became full.
   * @param buffer of `markBytes + chunkBytes`, lent for the time of the call
   * @returns `quiet`: there was nothing; `grew`: read to the end; `more`: there is more
   */
  async advance(buffer: Buffer, publish: PublishBatch): Promise<'quiet' | 'grew' | 'more'> {
    const { size, mtimeNs } = await this.#handle.stat({ bigint: true });
    const seen = `${size}:${mtimeNs}`;
    if (seen === this.#seen) return 'quiet';
    let result: 'quiet' | 'grew' = 'quiet';
    for (let budget = turnBytes; budget > 0; budget -= chunkBytes) {
      const known = this.#before.length;
      const { bytesRead } = await this.#handle.read(buffer, 0, known + chunkBytes, this.#offset - known);
      if (bytesRead < known || !buffer.subarray(0, known).equals(this.#before)) {
        await this.#beginAnew(publish);
        result = 'grew';
        continue;
      }
      if (bytesRead === known) {
        this.#seen = seen;
        return result;
      }
      result = 'grew';
      await this.#take(buffer, known, bytesRead, publish);
    }
    return 'more';
  }

  /** Whether the file has no name any more: it is gone for good when it is closed. */
  async isDeleted(): Promise<boolean> {
    return (await this.#handle.stat()).nlink === 0;
  }

  /** Publishes the lines that wait. */
  async flush(publish: PublishBatch): Promise<void> {
    if (!this.hasLines) return;
    const position = {
      id: this.id,
      era: this.#era,
      offset: this.#batchStart + this.#collector.fileBytes,
      mark: this.#batchMark,
    };
    const batch = {
      file: this.label,
      id: this.id,
      era: this.#era,
      start: this.#batchStart,
      end: position.offset,
      ...this.#collector.take(),
    };
    this.#batchStart = position.offset;
    await publish(batch);
    this.#published = position;
  }

  /** Publishes all that was read, also a last line without a line end: nothing more is expected. */
  async finish(publish: PublishBatch): Promise<void> {
    const line = this.#splitter.finish();
    if (line !== undefined) {
      await this.#collect(line, () => this.#batchMark, publish);
      this.#batchMark = markOf(this.#before);
    }
    await this.flush(publish);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** The file was truncated: what was read of it is finished, and it is read from its beginning. */
  async #beginAnew(publish: PublishBatch): Promise<void> {
    await this.finish(publish);
    this.#era++;
    this.#offset = 0;
    this.#before = Buffer.alloc(0);
    this.#batchStart = 0;
    this.#batchMark = '';
    this.#published = { id: this.id, era: this.#era, offset: 0, mark: '' };
  }

  /** @param buffer `known` bytes from before the offset, then what is new */
  async #take(buffer: Buffer, known: number, bytesRead: number, publish: PublishBatch): Promise<void> {
    // Where in the buffer the lines collected so far end; before `known` at a line that an earlier chunk began.
    let end = known - this.#splitter.heldBytes;
    const lines = this.#splitter.split(buffer.subarray(known, bytesRead));
    for (const line of lines) {
      const endBefore = end;
      await this.#collect(
        line,
        () => (endBefore >= known ? markOf(buffer.subarray(0, endBefore)) : this.#batchMark),
        publish,
      );
      end += line.bytes;
    }
    if (lines.length > 0) this.#batchMark = markOf(buffer.subarray(0, end));
    this.#offset += bytesRead - known;
    this.#before = Buffer.from(buffer.subarray(Math.max(0, bytesRead - markBytes), bytesRead));
  }

  /** @param markBeforeLine answers the mark of the place where the line begins */
  async #collect(line: Line, markBeforeLine: () => string, publish: PublishBatch): Promise<void> {
    if (!this.#collector.fits(line)) {
      this.#batchMark = markBeforeLine();
      await this.flush(publish);
    }
    this.#collector.add(line);
  }
}

/** The last bytes before `offset`, at most `markBytes`; undefined when the file is shorter than that. */
export async function readBefore(handle: FileHandle, offset: number): Promise<Buffer | undefined> {
  const length = Math.min(markBytes, offset);
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, offset - length);
  return bytesRead === length ? buffer : undefined;
}
