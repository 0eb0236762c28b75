import { MalformedRecordError } from './record.ts';

/** A slice is handed on as it is while the memory it keeps alive is at most this many bytes … */
const smallChunkBytes = 8 * 1024;
/** … or at most so many times its own length. */
const retentionFactor = 4;

/**
 * A part of a chunk that its receiver may keep: the slice itself where it pins little memory beside its own, else a
 * copy. Without this a short message that waits for a slow client would hold the whole 64 KiB chunk it came in.
 */
export function retainableSlice(chunk: Buffer, start: number, end: number): Buffer {
  const retained = chunk.buffer.byteLength;
  const slice = chunk.subarray(start, end);
  return retained <= smallChunkBytes || retained <= retentionFactor * slice.length ? slice : Buffer.from(slice);
}

/** Reads the body of one record field by field; whatever reaches over its end is malformed. */
export class RecordCursor {
  readonly #buffer: Buffer;
  readonly #end: number;
  #at: number;

  constructor(buffer: Buffer, start: number, end: number) {
    this.#buffer = buffer;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  u8(): number {
    return this.#buffer[this.#advance(1)] ?? 0;
  }

  u32(): number {
    return this.#buffer.readUInt32BE(this.#advance(4));
  }

  string(): string {
    const start = this.#advance(this.u32());
    return this.#buffer.toString('utf8', start, this.#at);
  }

  /** Strings up to the end of the record. */
  strings(): string[] {
    const strings: string[] = [];
    while (!this.isAtEnd) strings.push(this.string());
    return strings;
  }

  /** The next bytes, with a length before them, as a slice for use within this turn. */
  bytes(): Buffer {
    const start = this.#advance(this.u32());
    return this.#buffer.subarray(start, this.#at);
  }

  /** What is left, as a slice for use within this turn. */
  rest(): Buffer {
    const start = this.#at;
    this.#at = this.#end;
    return this.#buffer.subarray(start, this.#end);
  }

  /** What is left, in a form that may be kept. */
  retainableRest(): Buffer {
    const start = this.#at;
    this.#at = this.#end;
    return retainableSlice(this.#buffer, start, this.#end);
  }

  /** To be called when all fields have been read. */
  finish(): void {
    if (!this.isAtEnd) throw new MalformedRecordError(`${this.#end - this.#at} bytes too many in a record`);
  }

  /** Takes the next bytes and answers where they begin. */
  #advance(bytes: number): number {
    const start = this.#at;
    if (bytes > this.#end - start) {
      throw new MalformedRecordError(`a field of ${bytes} bytes in a record that has ${this.#end - start} left`);
    }
    this.#at = start + bytes;
    return start;
  }
}
