import type { IncomingMessage } from 'node:http';

const farewellMs = 1_000;

/**
 * Answers a handshake with an HTTP status and ends its socket within a second. Node hands sockets over at `upgrade`
 * without any listener, so that an error on one would end the process.
 * @param text for whoever reads it; @param header one more
 */
export function refuseHandshake(
  { socket }: IncomingMessage,
  status: string,
  id: string,
  { text = '', header }: { readonly text?: string; readonly header?: string } = {},
): void {
  socket.on('error', ignore);
  socket.resume();
  socket.setTimeout(farewellMs, () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  const body = text === '' ? '' : `${text}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\n` +
      (text === '' ? '' : 'Content-Type: text/plain; charset=utf-8\r\n') +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      (header === undefined ? '' : `${header}\r\n`) +
      `X-Request-Id: ${id}\r\n\r\n${body}`,
  );
}

function ignore(): void {}
