import type { Socket } from 'node:net';

/** While fewer are expected nobody looks for those that have left without a word. */
const leastSwept = 64;

/** The connections that have not asked for anything yet, or whose handshake is not answered yet. */
export class Newcomers {
  readonly #isTls: boolean;
  /** Some may have left: a listener on each would cost as much as all the rest here. */
  readonly #expected = new Map<Socket | string, Socket>();
  #sweepAbove = leastSwept;
  #onEmptied: (() => void) | undefined;

  /** @param isTls the socket that was accepted is not the one that asks then, only the client's end is the same */
  constructor(isTls: boolean) {
    this.#isTls = isTls;
  }

  /** Harmless for one that is expected already. */
  expect(socket: Socket): void {
    const key = this.#keyOf(socket);
    if (this.#expected.get(key)?.destroyed === false) return;
    this.#expected.set(key, socket);
    if (this.#onEmptied !== undefined) this.#watch(key, socket);
    if (this.#expected.size > this.#sweepAbove) this.#sweep();
  }

  /** It has asked, or its handshake has been answered. Harmless for one that is not expected. */
  heard(socket: Socket): void {
    this.#remove(this.#keyOf(socket));
  }

  /** Resolves when nobody is expected any more, after `deadlineMs` at the latest. */
  async settled(deadlineMs: number): Promise<void> {
    this.#sweep();
    if (this.#expected.size === 0) return;
    for (const [key, socket] of this.#expected) this.#watch(key, socket);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#onEmptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #watch(key: Socket | string, socket: Socket): void {
    socket.once('close', () => this.#remove(key));
  }

  #sweep(): void {
    for (const [key, socket] of this.#expected) if (socket.destroyed) this.#remove(key);
    this.#sweepAbove = Math.max(leastSwept, 2 * this.#expected.size);
  }

  #remove(key: Socket | string): void {
    if (!this.#expected.delete(key)) return;
    const { size } = this.#expected;
    // After a storm: what leaves without a word from now on is not to gather up to its size.
    if (size < this.#sweepAbove / 4) this.#sweepAbove = Math.max(leastSwept, 2 * size);
    if (size === 0) this.#onEmptied?.();
  }

  #keyOf(socket: Socket): Socket | string {
    return this.#isTls ? `${socket.remotePort} ${socket.remoteAddress}` : socket;
  }
}
