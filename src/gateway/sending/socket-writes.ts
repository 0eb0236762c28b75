import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Who writes to a socket, alone, and is told what became of it. */
export interface Writer {
  /** What a way to write has found out about the socket; kept by it. */
  handle?: unknown;
  /** The kernel has taken all of the last write, or never will: the socket is gone then. */
  taken(): void;
}

/** Hands bytes to a socket. One per worker, for all its connections. */
export interface SocketWrites {
  /**
   * To be called when all that was written before has been taken.
   * @returns whether the kernel has taken all of it at once; else `writer.taken` is called when it has
   */
  write(socket: Socket, bytes: Buffer, writer: Writer): boolean;
}

const nothing = Buffer.alloc(0);

/** By the public API of Node, for every kind of socket. */
export const publicWrites: SocketWrites = {
  write(socket, bytes, writer) {
    if (socket instanceof TLSSocket) {
      // Never at once: there is a turn or two between the text and the cipher.
      socket.write(bytes, () => writer.taken());
      return false;
    }
    socket.write(bytes);
    if (socket.writableLength === 0) return true;
    // Node says of a write that it is done only to a callback of its own: only who waits has one.
    socket.write(nothing, () => writer.taken());
    return false;
  },
};
