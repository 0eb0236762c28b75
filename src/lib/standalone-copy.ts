/**
 * A copy in memory of its own. `Buffer.from` takes short ones from a pool of 8 KiB, all of which stays for as long as
 * any of them does: no way to keep something for long and to know what it takes.
 */
export function standaloneCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
