import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';

/**
 * A place in a file that can be found again, by another process too. The id names the file through renames; the era
 * and the mark tell its present contents from earlier ones, because a truncated file keeps its id.
 */
export interface FilePosition {
  /** Device and inode. */
  readonly id: string;
  /**
   * Tells the contents before a truncation from those after it: one more each time. It begins at the time at which the
   * node began to follow its logs, in milliseconds since 1970, so that eras of an earlier run are never taken for
   * those of this one.
   */
  readonly era: number;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  /** `markOf` the bytes before the offset. */
  readonly mark: string;
}

/** How many bytes before an offset its mark stands for; fewer at the beginning of the file. */
export const markBytes = 64;

/** A short digest of the last `markBytes` of `before`; empty for no bytes. */
export function markOf(before: Buffer): string {
  if (before.length === 0) return '';
  const bytes = before.subarray(Math.max(0, before.length - markBytes));
  return createHash('sha256').update(bytes).digest('base64url').slice(0, 16);
}

export function fileId(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}`;
}
