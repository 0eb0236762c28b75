import type { IncomingMessage } from 'node:http';

const farewellMs = 1_000;

/**
 * Answers a handshake that came from no listener of ours with a bare HTTP status and ends its socket within a second. Node hands sockets over at `upgrade`
 * without any listener, so that an error on one would end the process.
 */
export function refuseHandshake({ socket }: IncomingMessage, status: string, id: string): void {
  socket.on('error', ignore);
  socket.resume();
  socket.setTimeout(farewellMs, () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\nX-Request-Id: ${id}\r\n\r\n`);
}

function ignore(): void {}
