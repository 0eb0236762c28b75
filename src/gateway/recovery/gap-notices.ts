/** Names that are dealt with in one turn of the event loop. */
const namesPerTurn = 200;

/**
 * Subscriptions of which something may be missing, and that nobody has looked after yet: a few hundred are per turn,
 * and one for which a publication comes in at once, so that a notice stands where the hole is.
 */
export class GapNotices {
  readonly #tell: (name: string) => void;
  readonly #waiting = new Set<string>();
  #isScheduled = false;

  constructor(tell: (name: string) => void) {
    this.#tell = tell;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(name: string): void {
    this.#waiting.add(name);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#tellSome());
  }

  tellNow(name: string): void {
    if (this.#waiting.delete(name)) this.#tell(name);
  }

  #tellSome(): void {
    let told = 0;
    for (const name of this.#waiting) {
      this.tellNow(name);
      if (++told === namesPerTurn) break;
    }
    this.#isScheduled = this.#waiting.size > 0;
    if (this.#isScheduled) setImmediate(() => this.#tellSome());
  }
}
