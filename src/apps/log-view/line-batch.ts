import type { Publication } from '../../broker/broker.ts';
import type { Line } from './line-splitter.ts';
import { batchBytes, batchLines } from './log-view-protocol.ts';

/** Consecutive lines of one file: what one publication carries. Lines have no line ends. */
export interface LineBatch {
  /** Name of the node whose file it is. */
  readonly node: string;
  /** The file as viewers see it named. */
  readonly file: string;
  /** The file's id, its era, and from which to which byte the lines reach. */
  readonly id: string;
  readonly era: number;
  readonly start: number;
  readonly end: number;
  readonly lines: readonly string[];
  /** How many bytes of the file each line stands for; left out where that is its UTF-8 and a line end, for every line. */
  readonly lengths?: readonly number[];
}

/** What a publication of lines says of them in its `info`. */
export type BatchInfo = Omit<LineBatch, 'lines'>;

export function batchInfo({ node, file, id, era, start, end, lengths }: LineBatch): string {
  const info: BatchInfo = { node, file, id, era, start, end, ...(lengths === undefined ? {} : { lengths }) };
  return JSON.stringify(info);
}

export function batchData(batch: LineBatch): string {
  return batch.lines.join('\n');
}

/** undefined: no follower of logs published this. */
export function readBatch({ data, info, kind }: Publication): LineBatch | undefined {
  if (info === undefined || kind !== 'text') return undefined;
  const read = parseInfo(info);
  if (read === undefined) return undefined;
  const lines = data.toString().split('\n');
  if (read.lengths !== undefined && read.lengths.length !== lines.length) return undefined;
  return { ...read, lines };
}

function parseInfo(json: string): BatchInfo | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // Some other program's info in some other shape.
    return undefined;
  }
  return isBatchInfo(value) ? value : undefined;
}

/** Whether something read from JSON says where lines are from. */
export function isBatchInfo(value: unknown): value is BatchInfo {
  if (typeof value !== 'object' || value === null) return false;
  const { node, file, id, era, start, end, lengths } = value as Readonly<Record<string, unknown>>;
  return (
    [node, file, id].every((field) => typeof field === 'string') &&
    [era, start, end].every((field) => Number.isSafeInteger(field)) &&
    (lengths === undefined || (Array.isArray(lengths) && lengths.every((length) => Number.isSafeInteger(length))))
  );
}

/** How many bytes of the file each line of the batch stands for. */
export function lineLengths(batch: LineBatch): readonly number[] {
  return batch.lengths ?? batch.lines.map((line) => Buffer.byteLength(line) + 1);
}

/** The batch without its first lines. */
export function withoutFirst(batch: LineBatch, count: number): LineBatch {
  const { lengths } = batch;
  const dropped = lineLengths(batch).slice(0, count);
  const start = dropped.reduce((sum, length) => sum + length, batch.start);
  return { ...batch, start, lines: batch.lines.slice(count), ...(lengths && { lengths: lengths.slice(count) }) };
}

/** Collects lines up to what one publication may hold. */
export class LineCollector {
  #lines: string[] = [];
  #lengths: number[] = [];
  #textBytes = 0;
  #fileBytes = 0;
  #exact = true;

  get count(): number {
    return this.#lines.length;
  }

  /** Bytes of the file that the lines stand for. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** Whether the line still fits. The first always does. */
  fits(line: Line): boolean {
    if (this.count === 0) return true;
    return this.count < batchLines && this.#textBytes + Buffer.byteLength(line.text) < batchBytes;
  }

  add({ text, bytes }: Line): void {
    const textBytes = Buffer.byteLength(text) + 1;
    this.#lines.push(text);
    this.#lengths.push(bytes);
    this.#textBytes += textBytes;
    this.#fileBytes += bytes;
    this.#exact &&= textBytes === bytes;
  }

  /** Hands over what was collected and begins anew. */
  take(): Pick<LineBatch, 'lines' | 'lengths'> {
    const taken = this.#exact ? { lines: this.#lines } : { lines: this.#lines, lengths: this.#lengths };
    this.#lines = [];
    this.#lengths = [];
    this.#textBytes = 0;
    this.#fileBytes = 0;
    this.#exact = true;
    return taken;
  }
}
