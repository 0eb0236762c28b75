import { retainableSlice } from '../../lib/retainable-slice.ts';
import { MalformedRecordError } from './record.ts';

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

  u48(): number {
    return this.#buffer.readUIntBE(this.#advance(6), 6);
  }

  f64(): number {
    return this.#buffer.readDoubleBE(this.#advance(8));
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

  /** The next bytes, with a length before them, to be read by themselves. */
  block(): RecordCursor {
    const start = this.#advance(this.u32());
    return new RecordCursor(this.#buffer, start, this.#at);
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
