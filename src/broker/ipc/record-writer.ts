import type { Duplex } from 'node:stream';
import { hello, headerBytes, recordType } from './record.ts';

/** Small records are laid one after the other into blocks of this size. */
const blockBytes = 64 * 1024;

/** From this length on bytes are written from where they are instead of being copied into a block. */
const detachedBytes = 16 * 1024;

/**
 * Writes records to a pipe; all of one turn of the event loop leave in one write. Small records are copied into a
 * block (a copy of 150 bytes costs less than one more entry in a vectored write, and pins no foreign chunk), big ones
 * are passed by reference and must not change until they are written.
 */
export class RecordWriter {
  readonly #stream: Duplex;
  readonly #beforeFlush: () => void;
  readonly #afterWrite: () => void;
  #block = Buffer.alloc(0);
  /** The part of the block from `#from` to `#at` is still to be written. */
  #from = 0;
  #at = 0;
  readonly #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #isScheduled = false;

  /**
   * @param beforeFlush may add the last records of the turn
   * @param afterWrite is called whenever the pipe has taken what a turn wrote
   */
  constructor(stream: Duplex, beforeFlush: () => void = () => {}, afterWrite: () => void = () => {}) {
    this.#stream = stream;
    this.#beforeFlush = beforeFlush;
    this.#afterWrite = afterWrite;
  }

  /** What the pipe has not taken yet. */
  get backlogBytes(): number {
    return this.#pieceBytes + (this.#at - this.#from) + this.#stream.writableLength;
  }

  /** Makes sure that this turn ends with a flush. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.flush);
  }

  /**
   * Begins a record; fields that come to exactly `bodyBytes` must follow.
   * @param detached how many of those will come through `data` from where they are, see `detached`
   */
  begin(type: number, bodyBytes: number, detached = 0): void {
    this.schedule();
    const inline = headerBytes + bodyBytes - detached;
    if (this.#at + inline > this.#block.length) {
      this.#seal();
      this.#block = Buffer.allocUnsafeSlow(Math.max(blockBytes, inline));
      this.#from = 0;
      this.#at = 0;
    }
    this.u32(bodyBytes + 1);
    this.u8(type);
  }

  u8(value: number): void {
    this.#block[this.#at++] = value;
  }

  u32(value: number): void {
    this.#at = this.#block.writeUInt32BE(value, this.#at);
  }

  u48(value: number): void {
    this.#at = this.#block.writeUIntBE(value, this.#at, 6);
  }

  f64(value: number): void {
    this.#at = this.#block.writeDoubleBE(value, this.#at);
  }

  /** @param byteLength of the string in UTF-8 */
  string(value: string, byteLength: number): void {
    this.u32(byteLength);
    this.#at += this.#block.write(value, this.#at, byteLength, 'utf8');
  }

  bytes(value: Buffer): void {
    this.#at += value.copy(this.#block, this.#at);
  }

  /** How many of so many bytes `data` passes on from where they are: all or none. */
  detached(bytes: number): number {
    return bytes >= detachedBytes ? bytes : 0;
  }

  /** Bytes that are passed on from where they are when they are many; `begin` has to know of those. */
  data(value: Buffer): void {
    if (this.detached(value.length) === 0) {
      this.bytes(value);
      return;
    }
    this.#seal();
    this.#pieces.push(value);
    this.#pieceBytes += value.length;
  }

  hello(): void {
    this.begin(recordType.hello, hello.length);
    this.bytes(hello);
  }

  /** A record that holds nothing but strings. */
  strings(type: number, values: readonly string[]): void {
    const lengths = values.map((value) => Buffer.byteLength(value));
    this.begin(
      type,
      lengths.reduce((sum, length) => sum + 4 + length, 0),
    );
    values.forEach((value, index) => this.string(value, lengths[index] ?? 0));
  }

  /** A whole record as it came, its header included. */
  forward(chunk: Buffer, start: number, end: number): void {
    const bodyBytes = end - start - headerBytes;
    const detached = this.detached(bodyBytes);
    this.begin(chunk[start + 4] ?? 0, bodyBytes, detached);
    if (detached > 0) this.data(chunk.subarray(start + headerBytes, end));
    else this.#at += chunk.copy(this.#block, this.#at, start + headerBytes, end);
  }

  readonly flush = (): void => {
    // What is added now still belongs to this flush.
    this.#isScheduled = true;
    this.#beforeFlush();
    this.#isScheduled = false;
    this.#seal();
    const pieces = this.#pieces.splice(0);
    this.#pieceBytes = 0;
    const last = pieces.length - 1;
    if (last < 0 || !this.#stream.writable) return;
    if (last > 0) this.#stream.cork();
    pieces.forEach((piece, index) => {
      if (index === last) this.#stream.write(piece, this.#afterWrite);
      else this.#stream.write(piece);
    });
    if (last > 0) this.#stream.uncork();
  };

  #seal(): void {
    if (this.#at === this.#from) return;
    this.#pieces.push(this.#block.subarray(this.#from, this.#at));
    this.#pieceBytes += this.#at - this.#from;
    this.#from = this.#at;
  }
}

/** Bytes of a record that holds nothing but these strings, header included. */
export function stringsBytes(values: readonly string[]): number {
  let bytes = headerBytes;
  for (const value of values) bytes += 4 + Buffer.byteLength(value);
  return bytes;
}
