import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Refusal } from './handshake-options.ts';

const farewellMs = 1_000;

/**
 * Answers a handshake that came from no listener of ours and ends its socket within a second. Node hands sockets over at
 * `upgrade` without any listener, so that an error on one would end the process.
 */
export function refuseHandshake({ socket }: IncomingMessage, refusal: Refusal, id: string): void {
  const { status, headers = {}, text } = answerTo(refusal);
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', ignore);
  socket.resume();
  socket.setTimeout(farewellMs, () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\n` +
      `${fields.join('')}X-Request-Id: ${id}\r\n\r\n${text}`,
  );
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text: string;
}

function answerTo(refusal: Refusal): Answer {
  if (refusal === 'stopping') return { status: 503, text: 'This server is stopping; try again.\n' };
  if (refusal === 'failed') return { status: 500, text: 'Internal error.\n' };
  return refusal;
}

function ignore(): void {}
