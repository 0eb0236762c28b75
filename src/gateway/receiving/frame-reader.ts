import { isUtf8 } from 'node:buffer';
import { isSendableCloseCode } from '../close-codes.ts';
import { type Inflater, isTooLong } from './inflater.ts';

const continuation = 0x0;
const text = 0x1;
const binary = 0x2;
const close = 0x8;
const ping = 0x9;
const pong = 0xa;

const nothing = Buffer.alloc(0);
/** Nobody knows yet how many bytes a frame has. */
const longestHeader = 14;
/** What a frame that comes in pieces is first given room for. */
const firstRoomBytes = 1_024;

export interface FrameLimits {
  /** Of a message, before and after it is inflated. */
  readonly messageBytes: number;
  /** Frames that a message may have. */
  readonly fragments: number;
}

/** Is given what one client's frames say, in their order. */
export interface FrameSink {
  /** @param isBinary else it is text, and UTF-8 */
  message(data: Buffer, isBinary: boolean): void;
  pinged(payload: Buffer): void;
  ponged(payload: Buffer): void;
  /** A close frame; nothing follows. @param code 1005: it had none */
  concluded(code: number, reason: string): void;
  /** What came is not to be read on. @param code to close with (RFC 6455 §7.4.1) */
  failed(code: number, isTooLong: boolean): void;
  /** What had to be inflated has been: whoever gives the chunks may go on. */
  inflated(): void;
}

/**
 * Reads one client's frames (RFC 6455 §5) out of the chunks that its socket gives. A frame within a chunk is read where
 * it lies, and unmasked there, or on its way out of a chunk that is shared; one that comes in pieces is put together in memory that grows with what has come, not
 * with what was announced.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #limits: FrameLimits;
  readonly #inflater: Inflater | undefined;
  /** Beginning of a frame whose end has not come. */
  #partial: Buffer | undefined;
  #partialBytes = 0;
  /** As much as must have come before there is something to do. */
  #neededBytes = 0;
  /** Of the frame that was looked at last. */
  #headerBytes = 0;
  #payloadBytes = 0;
  /** Of the message that has begun; 0: none has. */
  #opcode = 0;
  #isDeflated = false;
  #fragments: Buffer[] | undefined;
  #fragmentCount = 0;
  /** On the wire. */
  #messageBytes = 0;
  /** As they are in the message. */
  #plainBytes = 0;
  #isInflating = false;
  #isDone = false;
  /** Came while a message was being inflated. */
  #waiting: Buffer[] | undefined;

  constructor(sink: FrameSink, limits: FrameLimits, inflater: Inflater | undefined) {
    this.#sink = sink;
    this.#limits = limits;
    this.#inflater = inflater;
  }

  /** Whether a message is being inflated: what is pushed now waits, and `inflated` will be called. */
  get isInflating(): boolean {
    return this.#isInflating;
  }

  /** @param isShared it is gone when this returns; else it is kept, perhaps, and changed */
  push(chunk: Buffer, isShared: boolean): void {
    if (this.#isDone) return;
    if (this.#isInflating) (this.#waiting ??= []).push(isShared ? Buffer.from(chunk) : chunk);
    else this.#readAll(chunk, isShared);
  }

  #readAll(chunk: Buffer, isShared: boolean): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#partial === undefined) {
        const size = this.#sizeOf(chunk, at);
        if (this.#isDone) return;
        if (at + size > chunk.length) {
          this.#keep(chunk.subarray(at), size);
          return;
        }
        this.#readFrame(chunk, at, isShared);
        at += size;
      } else {
        const taken = Math.min(this.#neededBytes - this.#partialBytes, chunk.length - at);
        this.#append(chunk, at, taken);
        at += taken;
        this.#readPartial();
      }
      if (this.#isDone) return;
      if (this.#isInflating) {
        if (at < chunk.length) this.#waiting = [isShared ? Buffer.from(chunk.subarray(at)) : chunk.subarray(at)];
        return;
      }
    }
  }

  #readPartial(): void {
    const partial = this.#partial?.subarray(0, this.#partialBytes);
    if (partial === undefined || partial.length < this.#neededBytes) return;
    const size = this.#sizeOf(partial, 0);
    this.#neededBytes = size;
    if (this.#isDone || size > partial.length) return;
    this.#partial = undefined;
    this.#readFrame(partial, 0, false);
  }

  #keep(beginning: Buffer, neededBytes: number): void {
    this.#partialBytes = 0;
    this.#neededBytes = neededBytes;
    this.#append(beginning, 0, beginning.length);
  }

  #append(chunk: Buffer, at: number, count: number): void {
    const bytes = this.#partialBytes + count;
    const old = this.#partial;
    if (old === undefined || old.length < bytes) {
      const roomBytes = Math.max(
        bytes,
        Math.min(this.#neededBytes, Math.max(firstRoomBytes, 2 * bytes)),
        longestHeader,
      );
      this.#partial = Buffer.allocUnsafeSlow(roomBytes);
      old?.copy(this.#partial, 0, 0, this.#partialBytes);
    }
    if (this.#partial !== undefined) chunk.copy(this.#partial, this.#partialBytes, at, at + count);
    this.#partialBytes = bytes;
  }

  /**
   * Checks as much of a frame's header as is there, and remembers its lengths.
   * @returns the frame's bytes, or, as long as they are not known, more than are there
   */
  #sizeOf(bytes: Buffer, at: number): number {
    const available = bytes.length - at;
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    if (available < 2) return 2;
    if (!this.#isHeader(first, second)) return this.#fail(1002);
    const short = second & 0x7f;
    let headerBytes = 6;
    let payloadBytes = short;
    if (short === 126) {
      headerBytes = 8;
      if (available < 4) return headerBytes;
      payloadBytes = bytes.readUInt16BE(at + 2);
    } else if (short === 127) {
      headerBytes = 14;
      if (available < 10) return headerBytes;
      payloadBytes = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
    }
    const isControl = (first & 0x8) !== 0;
    if (!isControl && this.#messageBytes + payloadBytes > this.#limits.messageBytes) return this.#fail(1009, true);
    this.#headerBytes = headerBytes;
    this.#payloadBytes = payloadBytes;
    return headerBytes + payloadBytes;
  }

  /** Whether a client may send that now (RFC 6455 §5.2, §5.4, §5.5; RFC 7692 §6). */
  #isHeader(first: number, second: number): boolean {
    const opcode = first & 0x0f;
    const isFinal = (first & 0x80) !== 0;
    const isDeflated = (first & 0x40) !== 0;
    const isReserved = (first & 0x30) !== 0;
    const isMasked = (second & 0x80) !== 0;
    if (isReserved || !isMasked) return false;
    if (opcode === text || opcode === binary)
      return this.#opcode === 0 && (!isDeflated || this.#inflater !== undefined);
    if (isDeflated) return false;
    if (opcode === continuation) return this.#opcode !== 0;
    const length = second & 0x7f;
    return opcode >= close && opcode <= pong && isFinal && length <= 125 && !(opcode === close && length === 1);
  }

  /** All of the frame is there, and it has been looked at. */
  #readFrame(bytes: Buffer, at: number, isShared: boolean): void {
    const first = bytes[at] ?? 0;
    const opcode = first & 0x0f;
    const start = at + this.#headerBytes;
    const length = this.#payloadBytes;
    let payload: Buffer = nothing;
    if (length > 0) {
      payload = isShared && opcode < close ? Buffer.allocUnsafe(length) : bytes.subarray(start, start + length);
      unmask(bytes, start, payload);
    }
    if (opcode >= close) this.#readControl(opcode, payload);
    else this.#readData(opcode, (first & 0x80) !== 0, (first & 0x40) !== 0, payload);
  }

  #readControl(opcode: number, payload: Buffer): void {
    if (opcode === pong) return this.#sink.ponged(payload);
    if (opcode === ping) return this.#sink.pinged(payload);
    const code = payload.length === 0 ? 1005 : payload.readUInt16BE(0);
    const reason = payload.subarray(2);
    if (payload.length > 0 && !isSendableCloseCode(code)) return void this.#fail(1002);
    if (!isUtf8(reason)) return void this.#fail(1007);
    this.#isDone = true;
    this.#sink.concluded(code, reason.toString());
  }

  #readData(opcode: number, isFinal: boolean, isDeflated: boolean, payload: Buffer): void {
    if (opcode !== continuation) {
      this.#opcode = opcode;
      this.#isDeflated = isDeflated;
    }
    this.#messageBytes += payload.length;
    if (++this.#fragmentCount > this.#limits.fragments) return void this.#fail(1008);
    if (this.#isDeflated) this.#inflate(payload, isFinal);
    else this.#take(payload, isFinal);
  }

  #inflate(payload: Buffer, isFinal: boolean): void {
    this.#isInflating = true;
    this.#inflater?.decompress(payload, isFinal, (error, inflated) => {
      this.#isInflating = false;
      if (error !== null) this.#fail(isTooLong(error) ? 1009 : 1007, isTooLong(error));
      else if (this.#plainBytes + inflated.length > this.#limits.messageBytes) this.#fail(1009, true);
      else this.#take(inflated, isFinal);
      const waiting = this.#waiting;
      this.#waiting = undefined;
      for (const chunk of waiting ?? []) this.push(chunk, false);
      if (!this.#isInflating) this.#sink.inflated();
    });
  }

  #take(payload: Buffer, isFinal: boolean): void {
    if (!isFinal) {
      this.#plainBytes += payload.length;
      if (payload.length > 0) (this.#fragments ??= []).push(withoutMore(payload));
      return;
    }
    const fragments = this.#fragments;
    const isBinary = this.#opcode === binary;
    this.#opcode = 0;
    this.#fragments = undefined;
    this.#fragmentCount = 0;
    this.#messageBytes = 0;
    this.#plainBytes = 0;
    const message = fragments === undefined ? payload : Buffer.concat([...fragments, payload]);
    if (isBinary || isUtf8(message)) this.#sink.message(message, isBinary);
    else this.#fail(1007);
  }

  #fail(code: number, isTooLong = false): number {
    this.#isDone = true;
    this.#partial = undefined;
    this.#fragments = undefined;
    this.#waiting = undefined;
    this.#sink.failed(code, isTooLong);
    return 0;
  }
}

/** A fragment waits for the rest of its message; all else that came with it should not. */
function withoutMore(fragment: Buffer): Buffer {
  if (2 * fragment.length >= fragment.buffer.byteLength) return fragment;
  const copy = Buffer.allocUnsafeSlow(fragment.length);
  fragment.copy(copy);
  return copy;
}

/** RFC 6455 §5.3. @param start where the payload is in `bytes`, behind its mask; @param to may be that payload itself */
function unmask(bytes: Buffer, start: number, to: Buffer): void {
  const first = bytes[start - 4] ?? 0;
  const second = bytes[start - 3] ?? 0;
  const third = bytes[start - 2] ?? 0;
  const fourth = bytes[start - 1] ?? 0;
  for (let i = 0; i < to.length; i += 4) {
    // What is beyond the end is not written.
    to[i] = (bytes[start + i] ?? 0) ^ first;
    to[i + 1] = (bytes[start + i + 1] ?? 0) ^ second;
    to[i + 2] = (bytes[start + i + 2] ?? 0) ^ third;
    to[i + 3] = (bytes[start + i + 3] ?? 0) ^ fourth;
  }
}
