/** Nobody is told to come back later than this, in seconds. */
const mostSeconds = 300;

/**
 * When to come back, for those who were refused because too many came at once: somewhere in twice the time that those
 * refused before them would take at the given rate, so that they fit in.
 */
export class RetryWindow {
  readonly #perSecond: number;
  #waiting = 0;
  #atMs = performance.now();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** One more is refused. @returns whole seconds, at least 1 */
  next(): number {
    const nowMs = performance.now();
    this.#waiting = Math.max(0, this.#waiting - ((nowMs - this.#atMs) / 1000) * this.#perSecond) + 1;
    this.#atMs = nowMs;
    return randomSeconds(1, Math.min(mostSeconds, 1 + Math.ceil((2 * this.#waiting) / this.#perSecond)));
  }
}

/** Both inclusive. */
export function randomSeconds(least: number, most: number): number {
  return least + Math.floor(Math.random() * (most - least + 1));
}
