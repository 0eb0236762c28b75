import { WebSocket } from 'ws';
import type { Connection } from './connection.ts';

/**
 * ws' socket, which reads and parses; what is sent goes through the connection's outbox. ws answers a client's close
 * frame, or a broken frame, by calling its own `close` before it tells anybody: that is the last moment to send what
 * waits in the outbox, and the moment to leave all subscriptions.
 */
export class GatewaySocket extends WebSocket {
  /** Set once, as soon as the handshake is done. */
  connection: Connection | undefined;

  override close(code?: number, reason?: string | Buffer): void {
    if (this.readyState === WebSocket.OPEN) this.connection?.leave(code ?? 1005, reason?.toString() ?? '');
    super.close(code, reason);
  }
}
