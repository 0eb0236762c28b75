import { closeSync, openSync, readSync } from 'node:fs';

const chunkBytes = 64 * 1024;

/**
 * A file's bytes, undefined where there are more than `capBytes`. Bounded while reading and not by the size beforehand,
 * so that a device or a growing file is bounded too.
 * @throws the system's error
 */
export function readBytes(path: string, capBytes: number): Buffer | undefined {
  const descriptor = openSync(path, 'r');
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    for (;;) {
      const chunk = Buffer.alloc(chunkBytes);
      const count = readSync(descriptor, chunk);
      if (count === 0) return Buffer.concat(chunks);
      total += count;
      if (total > capBytes) return undefined;
      chunks.push(chunk.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}

const sentences: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a directory',
  ELOOP: 'is a loop of symbolic links',
  ENAMETOOLONG: 'has too long a name',
};

/** Why a file could not be read, as a sentence's end. */
export function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return sentences[code] ?? `cannot be read (${code})`;
}
