import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import { plainAddress } from '../lib/plain-address.ts';
import { beginLine, endLine, type UnfinishedLine } from './access-line.ts';
import { clientAddressOf } from './client-address.ts';
import { ListenerRequest, requestIdOf } from './listener-request.ts';

/** Where lines go, each with its line break. Must not throw, and should not block. */
export interface AccessWriter {
  write(line: string): void;
}

/** Nobody waits for a client that left before it was answered; nginx uses this status for it too. */
export const clientGone = 499;

/** Says who made this request, for its line in the access log. */
export function nameUser(request: IncomingMessage, user: string): void {
  if (request instanceof ListenerRequest) request.user = user;
}

/** @returns what writes the line, to be called once the answer is over */
export function logAnswer(writer: AccessWriter, request: IncomingMessage, response: ServerResponse): () => void {
  const startedMs = performance.now();
  const arrival = arrivalOf(request);
  return () => {
    // The headers of an answer that waited behind another count as sent, even if it never got the socket.
    const isSent = response.headersSent && (response.socket !== null || response.writableFinished);
    const [status, bytes] = isSent ? [response.statusCode, bodyBytes(request, response)] : [clientGone, 0];
    writer.write(endLine(lineOf(request, arrival), status, bytes, performance.now() - startedMs, requestIdOf(request)));
  };
}

/** The line of a request that could not even be read. */
export function logMalformed(
  writer: AccessWriter,
  socket: Duplex,
  { id, status, bytes }: { id: string; status: number; bytes: number },
): void {
  const address = socket instanceof Socket ? addressOf(socket) : '';
  const nothing = {
    user: undefined,
    method: '',
    target: '',
    httpVersion: '',
    referer: undefined,
    userAgent: undefined,
  };
  writer.write(endLine(beginLine({ ...nothing, address, date: new Date() }), status, bytes, 0, id));
}

/** What must be noted when a request comes in. */
export interface Arrival {
  readonly address: string;
  readonly date: Date;
}

export function arrivalOf(request: IncomingMessage): Arrival {
  return { address: clientAddressOf(request), date: new Date() };
}

export function lineOf(request: IncomingMessage, arrival: Arrival): UnfinishedLine {
  // No spread: this is done for every request, and V8 is slow to add fields to what was spread.
  const { address, date } = arrival;
  return beginLine({
    address,
    date,
    user: request instanceof ListenerRequest ? request.user : undefined,
    method: request.method ?? '',
    target: request.url ?? '',
    httpVersion: request.httpVersion,
    referer: request.headers.referer,
    userAgent: request.headers['user-agent'],
  });
}

function addressOf(socket: Socket): string {
  return plainAddress(socket.remoteAddress ?? '');
}

function bodyBytes(request: IncomingMessage, response: ServerResponse): number | undefined {
  if (request.method === 'HEAD' || response.statusCode === 304) return 0;
  const length = response.getHeader('content-length');
  return length === undefined || !response.writableFinished ? undefined : Number(length);
}
