import type { Duplex } from 'node:stream';

/** How long a client may take to read its last answer and to close, in milliseconds. */
const farewellMs = 2_000;

/**
 * Sends the last bytes, if any, and ends the connection without cutting the answer off: what the client still sends is
 * read and dropped, because closing with unread data resets the connection, and the client may then never see the
 * answer (RFC 9112 §9.6).
 */
export function endSocket(socket: Duplex, lastBytes?: Buffer): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), farewellMs);
  socket.once('close', () => clearTimeout(timer));
  socket.on('error', ignoreError);
  socket.resume();
  socket.end(lastBytes);
}

/** A listener: a socket's error is followed by its `close`, which is what we act on. */
export function ignoreError(): void {}
