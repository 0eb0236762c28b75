// The NATS protocol inside WebSocket frames (https://docs.nats.io/reference/reference-protocols/nats-protocol): one
// stream of bytes, in which a frame may hold many messages. The frames' headers are squeezed out in place; what is left is
// lines, and after a MSG line its payload.
import { opcodes, scanFrames } from './frames.mjs';

const lineEnd = 0x0a;
const messageLetter = 0x4d; // MSG

export class NatsStream {
  /** Bytes of an earlier frame that make no whole message yet. */
  #left = undefined;

  /** @returns where the first frame that is not whole begins */
  read(client, bytes, start, end) {
    let stream = start;
    const next = scanFrames(bytes, start, end, (_, first, from, to) => {
      const opcode = first & 0x0f;
      if (opcode > opcodes.binary) {
        client.control(opcode, bytes, from, to);
        return;
      }
      bytes.copyWithin(stream, from, to);
      stream += to - from;
    });
    this.#messages(client, bytes, start, stream);
    return next;
  }

  #messages(client, given, from, to) {
    let bytes = given;
    let at = from;
    let end = to;
    if (this.#left !== undefined) {
      bytes = Buffer.concat([this.#left, given.subarray(from, to)]);
      at = 0;
      end = bytes.length;
      this.#left = undefined;
    }
    while (at < end) {
      const line = bytes.indexOf(lineEnd, at);
      if (line < 0 || line >= end) break;
      if (bytes[at] === messageLetter) {
        const payload = line + 1;
        const length = lastNumber(bytes, line - 2);
        if (payload + length + 2 > end) break;
        client.events.onMessage(client, bytes, payload, payload + length);
        at = payload + length + 2;
      } else {
        client.dialect.line(client, bytes.latin1Slice(at, line - 1));
        at = line + 1;
      }
    }
    if (at < end) this.#left = Buffer.from(bytes.subarray(at, end));
  }
}

/** The number whose last digit is here. */
function lastNumber(bytes, last) {
  let value = 0;
  for (let at = last, weight = 1; bytes[at] >= 0x30 && bytes[at] <= 0x39; at--, weight *= 10)
    value += (bytes[at] - 0x30) * weight;
  return value;
}
