import { headerBytes, MalformedRecordError, maxRecordBytes } from './record.ts';

/** The bytes before a record's type. */
const lengthBytes = 4;

/** The whole record, its header included, from `start` to `end`; valid within the call. */
export type RecordListener = (chunk: Buffer, start: number, end: number) => void;

/**
 * Cuts a stream of bytes into records, however it is chunked. A record that lies in one chunk is handed over where it
 * is; the pieces of one that spans chunks are kept and joined once, so that no byte is copied more than once.
 */
export class RecordReader {
  readonly #onRecord: RecordListener;
  readonly #maxRecordBytes: number;
  /** What has arrived of an unfinished record, or everything since `hold`. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  /** Length of the unfinished record with its header; 0 while that is not known. */
  #neededBytes = 0;
  #isHeld = false;

  constructor(onRecord: RecordListener, maximum: number = maxRecordBytes) {
    this.#onRecord = onRecord;
    this.#maxRecordBytes = maximum;
  }

  /** @throws MalformedRecordError; the reader is of no use then. */
  push(chunk: Buffer): void {
    if (this.#isHeld) {
      this.#keep(chunk);
      return;
    }
    let rest = chunk;
    while (this.#pieces.length > 0) {
      // Take just what the unfinished record lacks: first its length, then its end.
      const lacking = (this.#neededBytes === 0 ? lengthBytes : this.#neededBytes) - this.#pieceBytes;
      this.#keep(rest.subarray(0, lacking));
      if (rest.length < lacking) return;
      rest = rest.subarray(lacking);
      if (this.#neededBytes === 0) {
        this.#neededBytes = this.#recordBytes(Buffer.concat(this.#pieces), 0);
        continue;
      }
      const record = Buffer.concat(this.#pieces, this.#pieceBytes);
      this.#forget();
      this.#onRecord(record, 0, record.length);
      if (this.#isHeld) {
        this.#keep(rest);
        return;
      }
    }
    this.#scan(rest);
  }

  /** Whether records are kept until `release`. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Hands nothing more over until `release`; within the listener, nothing after the record at hand. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const pieces = this.#pieces;
    this.#forget();
    for (const piece of pieces) this.push(piece);
  }

  #scan(chunk: Buffer): void {
    let start = 0;
    while (chunk.length - start >= lengthBytes) {
      const end = start + this.#recordBytes(chunk, start);
      if (end > chunk.length) {
        this.#neededBytes = end - start;
        break;
      }
      this.#onRecord(chunk, start, end);
      start = end;
      if (this.#isHeld) break;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
  }

  #forget(): void {
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#neededBytes = 0;
  }

  #recordBytes(buffer: Buffer, at: number): number {
    const bytes = lengthBytes + buffer.readUInt32BE(at);
    if (bytes < headerBytes) throw new MalformedRecordError('a record without a type');
    if (bytes > this.#maxRecordBytes) {
      throw new MalformedRecordError(`a record of ${bytes} bytes, the longest may be ${this.#maxRecordBytes}`);
    }
    return bytes;
  }
}
