/** Hash slots of Redis Cluster: CRC16 (XMODEM) of the key, or of its hash tag, modulo 16,384. */
export const slotCount: number = 16_384;

const table: Uint16Array = crcTable();
const openingBrace = 0x7b;
const closingBrace = 0x7d;

/**
 * The slot of a key or of a sharded channel. Only what is between the first `{` and the first `}` behind it counts,
 * where there is something between them (Redis Cluster specification, "Hash tags").
 */
export function slotOf(key: string | Buffer): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  let start = 0;
  let end = bytes.length;
  const opening = bytes.indexOf(openingBrace);
  if (opening !== -1) {
    const closing = bytes.indexOf(closingBrace, opening + 1);
    if (closing > opening + 1) {
      start = opening + 1;
      end = closing;
    }
  }
  let crc = 0;
  for (let at = start; at < end; at++) {
    crc = ((crc << 8) & 0xffff) ^ (table[(crc >> 8) ^ (bytes[at] ?? 0)] ?? 0);
  }
  return crc & (slotCount - 1);
}

function crcTable(): Uint16Array {
  const made = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    made[byte] = crc & 0xffff;
  }
  return made;
}
