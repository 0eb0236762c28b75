import type { IncomingMessage } from 'node:http';
import type { HandshakeRefusal } from '../metrics/counts.ts';
import { type Answer, rawAnswer } from './answer.ts';
import type { TurnedAway } from './doorkeeper.ts';
import { endSocket, ignoreError } from './end-socket.ts';
import { requestIdOf } from './listener-request.ts';
import { upgradeEntryOf } from './upgrade-entry.ts';

/** How a refusal counts where nothing more is known of it. */
const reasons: Readonly<Record<number, HandshakeRefusal>> = {
  400: 'malformed',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'malformed',
};

/**
 * Answers a WebSocket handshake with a complete HTTP refusal and ends its socket. Harmless when the client has gone.
 * @param reason for the metrics. Default: by the status
 */
export function refuseUpgrade(
  request: IncomingMessage,
  refusal: Answer,
  reason: HandshakeRefusal = reasons[refusal.status] ?? 'other',
): void {
  upgradeEntryOf(request)?.refused(refusal.status, Buffer.byteLength(refusal.text), reason);
  endSocket(request.socket, rawAnswer(refusal, requestIdOf(request)));
}

/** As `refuseUpgrade`, for the many: without a timer and whatever else a client may need that did not wait. */
export function turnAway(request: IncomingMessage, turnedAway: TurnedAway, head: Buffer): void {
  const { socket } = request;
  const { status, bytes, reason, answer } = turnedAway;
  upgradeEntryOf(request)?.refused(status, bytes, reason);
  // What it sends unasked would cut the answer off.
  if (head.length > 0) return endSocket(socket, answer);
  socket.on('error', ignoreError);
  // Closing it says all that ending it first would, for less: the kernel has the answer by then.
  socket.write(answer, () => socket.destroy());
}
