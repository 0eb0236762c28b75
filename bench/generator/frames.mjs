// WebSocket frames as a client writes and reads them (RFC 6455 §5.2), with as little work per frame as there can be.

export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** The mask is zero: RFC 6455 §5.3 asks for a mask, and the payload stays as it is. */
export function clientFrame(opcode, payload) {
  const length = payload.length;
  const header = length < 126 ? 6 : length < 65_536 ? 8 : 14;
  const frame = Buffer.alloc(header + length);
  frame[0] = 0x80 | opcode;
  if (length < 126) {
    frame[1] = 0x80 | length;
  } else if (length < 65_536) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeUIntBE(length, 4, 6);
  }
  payload.copy(frame, header);
  return frame;
}

/**
 * Calls `onFrame(bytes, first byte, start, end)` for every whole frame in the region.
 * @returns where the first frame that is not whole begins
 */
export function scanFrames(bytes, start, end, onFrame) {
  let at = start;
  while (end - at >= 2) {
    let length = bytes[at + 1];
    let payload = at + 2;
    if (length === 126) {
      if (end - at < 4) break;
      length = (bytes[at + 2] << 8) | bytes[at + 3];
      payload = at + 4;
    } else if (length === 127) {
      if (end - at < 10) break;
      length = bytes.readUIntBE(at + 4, 6);
      payload = at + 10;
    }
    if (payload + length > end) break;
    onFrame(bytes, bytes[at], payload, payload + length);
    at = payload + length;
  }
  return at;
}
