import { WebSocket } from 'ws';
import { Connection } from './connection.ts';

/** What ws calls a message over its `maxPayload`. */
const tooLong = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';

/**
 * ws' socket, which reads and parses; what is sent goes through the connection's outbox. ws answers a client's close
 * frame, or a broken frame, by calling its own `close` before it tells anybody: that is the last moment to send what
 * waits in the outbox, and the moment to leave all subscriptions.
 */
export class GatewaySocket extends WebSocket {
  /** Set once, as soon as the handshake is done. */
  connection: Connection | undefined;

  override pause(): void {
    if (!this.isPaused) this.connection?.pace?.stop();
    super.pause();
  }

  override resume(): void {
    if (this.isPaused) this.connection?.pace?.resume();
    super.resume();
  }

  override close(code?: number, reason?: string | Buffer): void {
    if (this.readyState === WebSocket.OPEN) this.connection?.leave(code ?? 1005, reason?.toString() ?? '');
    super.close(code, reason);
  }

  /** Events go straight to the connection: listeners, always the same ones, would take 250 bytes of every socket. */
  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    const { connection } = this;
    switch (event) {
      case 'message':
        // With ws' default binaryType a message is always one Buffer.
        if (connection !== undefined) Connection.received(connection, first as Buffer, second as boolean);
        return true;
      case 'ping':
        if (connection !== undefined) Connection.pinged(connection, first as Buffer);
        return true;
      case 'pong':
        if (connection !== undefined) Connection.ponged(connection, first as Buffer);
        return true;
      case 'close':
        if (connection !== undefined) Connection.closed(connection, first as number, String(second));
        return true;
      case 'error':
        // A broken frame or a reset: ws closes the connection with the code of RFC 6455, and `close` follows.
        if (connection !== undefined && (first as NodeJS.ErrnoException).code === tooLong)
          Connection.sentTooLong(connection);
        return true;
      default:
        return super.emit(event, first, second);
    }
  }
}
