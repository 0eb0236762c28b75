/**
 * The envelope of `docs/redis-format.md`: 0xFF, version, type, then fields (tag, length, value) up to the tag 0, then
 * data to the end. What the fields mean to us is in `payload-codec.ts`.
 */

/** Never the first byte of UTF-8 text, so that an envelope is told from bare text at sight. */
export const envelopeStart = 0xff;
const version = 1;
const envelopeHeaderBytes = 3;

export const envelopeType = { publication: 1, join: 2, update: 3, leave: 4, fence: 5 } as const;

export const fieldTag = {
  end: 0,
  position: 1,
  binary: 2,
  exclude: 3,
  info: 4,
  connection: 5,
  user: 6,
  owner: 7,
  published: 0x80,
} as const;

/** Unknown tags from 0x80 on are skipped; below it they say what a reader must understand. */
const firstUnknownOptionalTag = 0x81;

export interface Field {
  readonly tag: number;
  readonly value: string | Buffer;
}

const empty = Buffer.alloc(0);

export function writeEnvelope(type: number, fields: readonly Field[], data: Buffer = empty): Buffer {
  const written = Buffer.allocUnsafe(envelopeHeaderBytes + fieldsBytes(fields) + data.length);
  written[0] = envelopeStart;
  written[1] = version;
  written[2] = type;
  data.copy(written, putFields(written, envelopeHeaderBytes, fields));
  return written;
}

/** The fields of an envelope with their end, without what is before and behind them. */
export function writeFields(fields: readonly Field[]): Buffer {
  const written = Buffer.allocUnsafe(fieldsBytes(fields));
  putFields(written, 0, fields);
  return written;
}

function fieldsBytes(fields: readonly Field[]): number {
  let bytes = 1;
  for (const { value } of fields) {
    const length = Buffer.byteLength(value);
    bytes += 1 + lengthBytes(length) + length;
  }
  return bytes;
}

function putFields(target: Buffer, start: number, fields: readonly Field[]): number {
  let at = start;
  for (const { tag, value } of fields) {
    target[at++] = tag;
    let length = Buffer.byteLength(value);
    while (length > 0x7f) {
      target[at++] = (length & 0x7f) | 0x80;
      length >>>= 7;
    }
    target[at++] = length;
    at += typeof value === 'string' ? target.write(value, at) : value.copy(target, at);
  }
  target[at++] = fieldTag.end;
  return at;
}

function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}

/**
 * Walks over an envelope without copying. Never throws: after `next` has answered `end`, `data` is what follows;
 * after `malformed`, `problem` says why.
 */
export class EnvelopeReader {
  /** Meaningful where `problem` is undefined. */
  readonly type: number;
  problem: string | undefined;
  /** Of the field that `next` has come to. */
  tag = 0;
  value: Buffer = empty;
  readonly #bytes: Buffer;
  #at: number;

  /** @param start where the fields begin; 0 where there is no header */
  constructor(bytes: Buffer, start: number = envelopeHeaderBytes) {
    this.#bytes = bytes;
    this.#at = start;
    this.type = start === 0 ? 0 : (bytes[2] ?? 0);
    if (start === 0) return;
    if (bytes.length < start) this.problem = 'the envelope ends within its header';
    else if (bytes[1] !== version) this.problem = `the envelope is of version ${bytes[1]}; ${version} is known here`;
  }

  get data(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  /** Whether there was one more field, that is known here or must be. */
  next(): boolean {
    while (this.problem === undefined) {
      const tag = this.#bytes[this.#at++];
      if (tag === fieldTag.end) return false;
      const length = this.#length();
      const end = this.#at + length;
      // Also where a byte was missing: `length` is NaN then.
      if (tag === undefined || !(end <= this.#bytes.length)) {
        this.problem = 'the envelope ends within a field';
        return false;
      }
      const start = this.#at;
      this.#at = end;
      if (tag >= firstUnknownOptionalTag) continue;
      this.tag = tag;
      this.value = this.#bytes.subarray(start, end);
      return true;
    }
    return false;
  }

  /** Base 128, the least significant seven bits first; the high bit says that another byte follows. */
  #length(): number {
    let length = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return NaN;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) return length;
    }
    // 256 MiB are more than a field has.
    return NaN;
  }
}
