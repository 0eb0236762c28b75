import { constants, deflateRawSync } from 'node:zlib';
import type { MessageKind } from '../../broker/broker.ts';
import type { Message } from '../encoding.ts';
import type { Entry, EntryContent } from './entry.ts';
import type { CompressionOptions } from '../gateway-options.ts';

const FIN = 0x80;
const RSV1 = 0x40;
const opcodes: Readonly<Record<MessageKind, number>> = { text: 0x1, binary: 0x2 };

/** An unmasked ping without payload (RFC 6455 §5.5.2). */
export const pingFrame: Entry = controlFrame(0x9, Buffer.alloc(0));

/** A pong with its ping's payload, at most 125 bytes (RFC 6455 §5.5.3). */
export function pongFrame(payload: Buffer): Entry {
  return controlFrame(0xa, payload);
}

/** A close frame (RFC 6455 §5.5.1). @param code 1005: without one. @param reason at most 123 bytes */
export function closeFrame(code: number, reason: string): Buffer {
  if (code === 1005) return frameOf(0x8, Buffer.alloc(0));
  const payload = Buffer.allocUnsafe(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return frameOf(0x8, payload);
}

function controlFrame(opcode: number, payload: Buffer): Entry {
  const bytes = frameOf(opcode, payload);
  return { subscription: undefined, content: 'other', bytesFor: () => bytes };
}

/** No compression on this connection. */
export const uncompressed = 0;

/**
 * One message as bytes ready for sockets: encoded once, and once more per window size among the receivers that
 * negotiated compression, however many they are.
 */
export class Frame implements Entry {
  readonly subscription: string | undefined;
  readonly content: EntryContent;
  /** The message until it is encoded, then its bytes: what waits in outboxes keeps nothing else. */
  #source: Message | Buffer;
  readonly #compression: CompressionOptions;
  #deflated: Map<number, Buffer> | undefined;

  /** @param subscription where the message is of one */
  constructor(
    message: Message,
    compression: CompressionOptions,
    subscription?: string,
    content: EntryContent = 'other',
  ) {
    this.subscription = subscription;
    this.content = content;
    this.#source = message;
    this.#compression = compression;
  }

  /** @param windowBits what the receiver's permessage-deflate agreed on, or `uncompressed` */
  bytesFor(windowBits: number): Buffer {
    if (windowBits === uncompressed) return this.#encoded();
    let bytes = this.#deflated?.get(windowBits);
    if (bytes === undefined) {
      bytes = this.#deflate(windowBits);
      this.#deflated ??= new Map();
      this.#deflated.set(windowBits, bytes);
    }
    return bytes;
  }

  #encoded(): Buffer {
    if (!Buffer.isBuffer(this.#source)) this.#source = encodeFrame(this.#source);
    return this.#source;
  }

  #deflate(windowBits: number): Buffer {
    const plain = this.#encoded();
    const payload = plain.subarray(headerLength(plain));
    if (payload.length < this.#compression.thresholdBytes) return plain;
    const deflated = deflateRawSync(payload, {
      level: this.#compression.level,
      windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    // RFC 7692 §7.2.1: the four octets 00 00 ff ff of the sync flush are left off.
    const body = deflated.subarray(0, deflated.length - 4);
    return body.length < payload.length ? frameOf(RSV1 | ((plain[0] ?? 0) & 0x0f), body) : plain;
  }
}

/** Encodes one unfragmented, unmasked data frame (RFC 6455 §5.2). */
export function encodeFrame({ data, kind }: Message): Buffer {
  if (typeof data !== 'string') return frameOf(opcodes[kind], data);
  const length = Buffer.byteLength(data);
  const frame = allocateFrame(opcodes[kind], length);
  frame.write(data, frame.length - length, 'utf8');
  return frame;
}

function frameOf(firstBits: number, payload: Buffer): Buffer {
  const frame = allocateFrame(firstBits, payload.length);
  payload.copy(frame, frame.length - payload.length);
  return frame;
}

function allocateFrame(firstBits: number, length: number): Buffer {
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = FIN | firstBits;
  if (header === 2) {
    frame[1] = length;
  } else if (header === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUIntBE(0, 2, 2);
    frame.writeUIntBE(length, 4, 6);
  }
  return frame;
}

function headerLength(frame: Buffer): number {
  return frame[1] === 127 ? 10 : frame[1] === 126 ? 4 : 2;
}
