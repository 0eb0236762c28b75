import type { Socket } from 'node:net';

interface Newcomer {
  readonly socket: Socket;
  readonly onClosed: () => void;
}

/** The connections that have not asked for anything yet, or whose handshake is not answered yet. */
export class Newcomers {
  /** By the client's end: with TLS the socket that was accepted is not the one that asks. */
  readonly #byClient = new Map<string, Newcomer>();
  #onEmptied: (() => void) | undefined;

  /** Harmless for one that is expected already. */
  expect(socket: Socket): void {
    const client = clientOf(socket);
    if (this.#byClient.has(client)) return;
    const onClosed = (): void => this.#remove(client);
    this.#byClient.set(client, { socket, onClosed });
    socket.once('close', onClosed);
  }

  /** It has asked, or its handshake has been answered. Harmless for one that is not expected. */
  heard(socket: Socket): void {
    this.#remove(clientOf(socket));
  }

  /** Resolves when nobody is expected any more, after `deadlineMs` at the latest. */
  async settled(deadlineMs: number): Promise<void> {
    if (this.#byClient.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#onEmptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #remove(client: string): void {
    const newcomer = this.#byClient.get(client);
    if (newcomer === undefined) return;
    this.#byClient.delete(client);
    // What lives long does not keep it.
    newcomer.socket.off('close', newcomer.onClosed);
    if (this.#byClient.size === 0) this.#onEmptied?.();
  }
}

function clientOf({ remoteAddress, remotePort }: Socket): string {
  return `${remotePort} ${remoteAddress}`;
}
