// Compressed messages. Without context takeover one message compresses to the same bytes for every receiver, so each is
// inflated once and known again by its bytes: to inflate a hundred thousand a second would make this process the bottleneck.
import { inflateRawSync } from 'node:zlib';

/** What RFC 7692 §7.2.1 takes off the end of a compressed message. */
const tail = Buffer.from([0, 0, 0xff, 0xff]);
const mostKept = 1024;

const kept = new Map();

export function inflated(bytes, start, end) {
  const key = bytes.latin1Slice(start, end);
  let message = kept.get(key);
  if (message === undefined) {
    if (kept.size === mostKept) kept.clear();
    message = inflateRawSync(Buffer.concat([bytes.subarray(start, end), tail]), { finishFlush: 2 });
    kept.set(key, message);
  }
  return message;
}
