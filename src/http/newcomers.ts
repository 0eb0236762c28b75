import type { Socket } from 'node:net';

interface Newcomer {
  readonly socket: Socket;
  readonly onClosed: () => void;
}

/** The connections that have not asked for anything yet, or whose handshake is not answered yet. */
export class Newcomers {
  readonly #isTls: boolean;
  readonly #expected = new Map<Socket | string, Newcomer>();
  #onEmptied: (() => void) | undefined;

  /** @param isTls the socket that was accepted is not the one that asks then, only the client's end is the same */
  constructor(isTls: boolean) {
    this.#isTls = isTls;
  }

  /** Harmless for one that is expected already. */
  expect(socket: Socket): void {
    const key = this.#keyOf(socket);
    if (this.#expected.has(key)) return;
    const onClosed = (): void => this.#remove(key);
    this.#expected.set(key, { socket, onClosed });
    socket.on('close', onClosed);
  }

  /** It has asked, or its handshake has been answered. Harmless for one that is not expected. */
  heard(socket: Socket): void {
    this.#remove(this.#keyOf(socket));
  }

  /** Resolves when nobody is expected any more, after `deadlineMs` at the latest. */
  async settled(deadlineMs: number): Promise<void> {
    if (this.#expected.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#onEmptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #remove(key: Socket | string): void {
    const newcomer = this.#expected.get(key);
    if (newcomer === undefined) return;
    this.#expected.delete(key);
    // What lives long does not keep it.
    newcomer.socket.off('close', newcomer.onClosed);
    if (this.#expected.size === 0) this.#onEmptied?.();
  }

  #keyOf(socket: Socket): Socket | string {
    return this.#isTls ? `${socket.remotePort} ${socket.remoteAddress}` : socket;
  }
}
