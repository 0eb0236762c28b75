import type { IncomingMessage } from 'node:http';
import type { HandshakeRefusal } from '../metrics/counts.ts';
import { type Answer, rawAnswer } from './answer.ts';
import { endSocket } from './end-socket.ts';
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
