import type { IncomingMessage } from 'node:http';
import { type Answer, rawAnswer } from './answer.ts';
import { endSocket } from './end-socket.ts';
import { upgradeEntryOf } from './upgrade-entry.ts';

/** Answers a WebSocket handshake with a complete HTTP refusal and ends its socket. Harmless when the client has gone. */
export function refuseUpgrade(request: IncomingMessage, refusal: Answer): void {
  upgradeEntryOf(request)?.refused(refusal.status, Buffer.byteLength(refusal.text));
  endSocket(request.socket, rawAnswer(refusal));
}
