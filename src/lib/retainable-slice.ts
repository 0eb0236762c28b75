/** A slice is handed on as it is while the memory it keeps alive is at most this many bytes … */
const smallChunkBytes = 8 * 1024;
/** … or at most so many times its own length. */
const retentionFactor = 4;

/**
 * A part of a chunk that its receiver may keep: the slice itself where it pins little memory beside its own, else a
 * copy. Without this a short message that is kept would hold the whole 64 KiB chunk it came in.
 */
export function retainableSlice(chunk: Buffer, start: number, end: number): Buffer {
  const retained = chunk.buffer.byteLength;
  const slice = chunk.subarray(start, end);
  return retained <= smallChunkBytes || retained <= retentionFactor * slice.length ? slice : Buffer.from(slice);
}
