import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const chunkBytes = 64 * 1024;

/**
 * A file's bytes, undefined where there are more than `capBytes`. Bounded while reading and not by the size beforehand,
 * so that a device or a growing file is bounded too. A pipe is waited for, as long as it takes.
 * @throws the system's error
 */
export function readBytes(path: string, capBytes: number): Buffer | undefined {
  const descriptor = openSync(path, 'r');
  try {
    return readAll(descriptor, capBytes);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * As `readBytes`, without ever waiting for somebody who writes: pipes, sockets and devices are refused. Symbolic links
 * are followed, as secrets of Kubernetes need it.
 * @throws the system's error; NotRegularError
 */
export function readRegularFile(path: string, capBytes: number): Buffer | undefined {
  // Opening a pipe would already wait. Of regular files the flag changes nothing.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    // Reading a directory fails with an error of its own.
    if (!stats.isFile() && !stats.isDirectory()) throw new NotRegularError();
    return readAll(descriptor, capBytes);
  } finally {
    closeSync(descriptor);
  }
}

class NotRegularError extends Error {
  readonly code = 'NOT_REGULAR';
}

function readAll(descriptor: number, capBytes: number): Buffer | undefined {
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
}

const sentences: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a directory',
  ELOOP: 'is a loop of symbolic links',
  ENAMETOOLONG: 'has too long a name',
  NOT_REGULAR: 'is no regular file',
  // A socket, which cannot even be opened.
  ENXIO: 'is no regular file',
};

/** Why a file could not be read, as a sentence's end. */
export function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return sentences[code] ?? `cannot be read (${code})`;
}
