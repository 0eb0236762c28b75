import {
  appendFileSync,
  closeSync,
  copyFileSync,
  openSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs';

/**
 * Writes a log as programs and logrotate do, and knows every line it wrote, in order. All at once within a turn of the
 * event loop, so that a busy machine cannot come in between.
 */
export class LogWriter {
  readonly path: string;
  readonly written: string[] = [];
  #descriptor: number;
  /** Bytes of the line that has begun. */
  #open: Buffer[] = [];
  #rotations = 0;

  /** @param linked the path is a symbolic link */
  constructor(path: string, linked = false) {
    this.path = path;
    if (linked) symlinkSync(`${path}.0`, path);
    this.#descriptor = openSync(path, 'a');
  }

  /** Whether the last line has no line end yet. */
  get isWithinLine(): boolean {
    return this.#open.length > 0;
  }

  /** Device and inode of the file that is written, as followers name it. */
  get fileId(): string {
    const { dev, ino } = statSync(this.path, { bigint: true });
    return `${dev}:${ino}`;
  }

  append(bytes: Buffer): void {
    writeSync(this.#descriptor, bytes);
    this.#note(bytes);
  }

  endLine(): void {
    if (this.isWithinLine) this.append(Buffer.from('\n'));
  }

  /** Renames the file away and makes a new one; what is still to be said goes to the old one, before or after. */
  rotate(lastWords: Buffer, isLate: boolean): void {
    renameSync(this.path, `${this.path}.${++this.#rotations}`);
    if (isLate) appendFileSync(this.path, '');
    this.append(lastWords);
    this.#reopen();
  }

  /** Copies the file and empties it. Whoever follows it has to have read it. */
  copyTruncate(): void {
    copyFileSync(this.path, `${this.path}.${++this.#rotations}`);
    truncateSync(this.path);
    this.#endFile();
  }

  deleteAndRecreate(): void {
    unlinkSync(this.path);
    this.#reopen();
  }

  /** Puts a new file with content in the place of the old one, in one step. */
  replace(content: Buffer): void {
    appendFileSync(`${this.path}.new`, content);
    renameSync(`${this.path}.new`, this.path);
    this.#reopen();
    this.#note(content);
  }

  /** Lets the link point to a new file. */
  switchLink(): void {
    symlinkSync(`${this.path}.${++this.#rotations}`, `${this.path}.new`);
    appendFileSync(`${this.path}.${this.#rotations}`, '');
    renameSync(`${this.path}.new`, this.path);
    this.#reopen();
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #reopen(): void {
    closeSync(this.#descriptor);
    this.#descriptor = openSync(this.path, 'a');
    this.#endFile();
  }

  /** A line that has not ended by the end of its file counts as one. */
  #endFile(): void {
    if (this.isWithinLine) this.written.push(lineOf(this.#open));
    this.#open = [];
  }

  #note(bytes: Buffer): void {
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      this.written.push(lineOf([...this.#open, bytes.subarray(start, end)]));
      this.#open = [];
      start = end + 1;
    }
    if (start < bytes.length) this.#open.push(bytes.subarray(start));
  }
}

function lineOf(parts: readonly Buffer[]): string {
  return Buffer.concat(parts).toString().replace(/\r$/, '');
}
