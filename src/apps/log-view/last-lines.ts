import { withoutFirst, type LineBatch } from './line-batch.ts';

export interface LastLinesCaps {
  readonly lines: number;
  /** Of their text, with a line end each. */
  readonly bytes: number;
}

/** Keeps the last lines of what is pushed, within two caps; the oldest go. */
export class LastLines {
  readonly #caps: LastLinesCaps;
  #batches: LineBatch[] = [];
  #count = 0;
  #bytes = 0;

  constructor(caps: LastLinesCaps) {
    this.#caps = caps;
  }

  /** Oldest first. None is without lines. */
  get batches(): readonly LineBatch[] {
    return this.#batches;
  }

  /** How many lines there are. */
  get count(): number {
    return this.#count;
  }

  push(batch: LineBatch): void {
    if (batch.lines.length === 0) return;
    this.#batches.push(batch);
    this.#count += batch.lines.length;
    this.#bytes += textBytes(batch.lines);
    let whole = 0;
    for (const first of this.#batches) {
      const surplus = this.#surplus(first.lines);
      if (surplus === 0) break;
      this.#count -= surplus;
      this.#bytes -= textBytes(first.lines.slice(0, surplus));
      if (surplus < first.lines.length) {
        this.#batches[whole] = withoutFirst(first, surplus);
        break;
      }
      whole++;
    }
    this.#batches.splice(0, whole);
  }

  clear(): void {
    this.#batches = [];
    this.#count = 0;
    this.#bytes = 0;
  }

  /** How many of these lines, the oldest there are, have to go. */
  #surplus(lines: readonly string[]): number {
    let surplus = 0;
    let bytes = this.#bytes;
    while (surplus < lines.length && (this.#count - surplus > this.#caps.lines || bytes > this.#caps.bytes))
      bytes -= textBytes([lines[surplus++] ?? '']);
    return surplus;
  }
}

/** The last lines of batches that are in order. */
export function lastLines(batches: readonly LineBatch[], caps: LastLinesCaps): readonly LineBatch[] {
  const last = new LastLines(caps);
  for (const batch of batches) last.push(batch);
  return last.batches;
}

function textBytes(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
}
