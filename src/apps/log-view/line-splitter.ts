import { lineCapBytes } from './log-view-protocol.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;

/** A line as it is shown, and how many bytes of the file it stands for, its line end included. */
export interface Line {
  readonly text: string;
  readonly bytes: number;
}

/**
 * Cuts bytes into lines at 0x0A, wherever the chunks are cut. A line is decoded whole, so characters may lie across
 * chunks; bytes that are not UTF-8 become U+FFFD; a CR before the line end is dropped. Of a line over the cap only the
 * beginning is kept, followed by a marker: memory stays bounded by the cap.
 */
export class LineSplitter {
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #heldBytes = 0;

  /** Bytes of the line that has begun but not ended. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The lines that end in this chunk. The chunk may be overwritten afterwards. */
  split(chunk: Buffer): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      lines.push(this.#end(chunk.subarray(start, end)));
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
    return lines;
  }

  /** Ends the line that has begun, as if its line end had come; undefined when none has. */
  finish(): Line | undefined {
    if (this.#heldBytes === 0) return undefined;
    const line = this.#end(Buffer.alloc(0));
    return { text: line.text, bytes: line.bytes - 1 };
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return;
    // One byte over the cap, so that the end of a line of just the cap's length can be told from a longer one's.
    const room = Math.max(0, lineCapBytes + 1 - this.#keptBytes);
    if (room > 0) {
      const copy = Buffer.from(bytes.subarray(0, room));
      this.#kept.push(copy);
      this.#keptBytes += copy.length;
    }
    this.#heldBytes += bytes.length;
  }

  #end(rest: Buffer): Line {
    if (this.#heldBytes === 0) return { text: lineText(rest, rest.length), bytes: rest.length + 1 };
    this.#hold(rest);
    const bytes = this.#heldBytes;
    const text = lineText(Buffer.concat(this.#kept), bytes);
    this.#kept = [];
    this.#keptBytes = 0;
    this.#heldBytes = 0;
    return { text, bytes: bytes + 1 };
  }
}

/**
 * A line's bytes as it is shown.
 * @param beginning the line's first bytes, without its line end; all of them if it is not over the cap
 * @param bytes how many there are in all
 */
export function lineText(beginning: Buffer, bytes: number): string {
  const length = beginning.at(-1) === carriageReturn && bytes === beginning.length ? bytes - 1 : bytes;
  if (length > lineCapBytes) return cut(beginning, length, lineCapBytes);
  const text = beginning.toString('utf8', 0, length);
  // Each byte that is not UTF-8 becomes a character of three.
  if (length * 3 <= lineCapBytes || Buffer.byteLength(text) <= lineCapBytes) return text;
  return cut(beginning, length, Math.floor(lineCapBytes / 3));
}

function cut(beginning: Buffer, length: number, most: number): string {
  let end = most;
  // Not within a character: continuation bytes of UTF-8 are 10xxxxxx, at most three in a row.
  for (let back = 0; back < 3 && ((beginning[end] ?? 0) & 0xc0) === 0x80; back++) end--;
  const text = beginning.toString('utf8', 0, end);
  if (Buffer.byteLength(text) > lineCapBytes) return cut(beginning, length, Math.floor(lineCapBytes / 3));
  return `${text} … [${length - end} bytes cut]`;
}
