import type { Socket } from 'node:net';

/** Who is given what comes on a socket. */
export interface Reader {
  /** @param isShared it is to be dealt with, or copied, before this returns; else it may be kept. It may be changed */
  came(chunk: Buffer, isShared: boolean): void;
}

/** A socket knows its reader: a listener of its own would be a closure per connection. */
export type ReaderSocket = Socket & { reader?: Reader };

/** Has sockets read. One per worker, for all its connections. */
export interface SocketReads {
  /** Has the reader given all that comes from now on, until the socket is paused or its other side has ended. */
  begin(socket: ReaderSocket, reader: Reader): void;
}

/** By the public API of Node, for every kind of socket. */
export const publicReads: SocketReads = {
  begin(socket, reader) {
    socket.reader = reader;
    socket.on('data', onData);
  },
};

function onData(this: ReaderSocket, chunk: Buffer): void {
  this.reader?.came(chunk, false);
}
