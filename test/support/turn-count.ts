/** Counts what happens within one turn of the event loop. */
export class TurnCount {
  /** The most there was in a turn. */
  most = 0;
  #now = 0;

  add(): void {
    if (this.#now++ === 0) setImmediate(() => (this.#now = 0));
    this.most = Math.max(this.most, this.#now);
  }
}
