/**
 * Allows so much per second, and after a rest a burst at once. It needs no timer: what has come back meanwhile is worked
 * out when somebody asks.
 */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  /** @param nowMs any monotonic clock, the same in all calls */
  constructor(perSecond: number, burst: number, nowMs: number = performance.now()) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /**
   * Takes tokens if there is one at least. What costs more than there is leaves a debt, which is paid off first: one big
   * thing after a rest is allowed, however big, and the rate holds all the same.
   * @returns whether it is allowed; if not, nothing was taken
   */
  take(cost: number = 1, nowMs: number = performance.now()): boolean {
    if (this.available(nowMs) < 1) return false;
    this.#tokens -= cost;
    return true;
  }

  /** How many there are; below 0 in debt. */
  available(nowMs: number = performance.now()): number {
    const earned = this.#tokens + (nowMs - this.#atMs) * this.#perMs;
    this.#tokens = Math.max(this.#tokens, Math.min(this.#burst, earned));
    this.#atMs = nowMs;
    return this.#tokens;
  }

  /** The time since it was last asked counts in full, beyond the burst: what was allowed in it could not be taken. */
  makeUp(nowMs: number = performance.now()): void {
    this.#tokens += (nowMs - this.#atMs) * this.#perMs;
    this.#atMs = nowMs;
  }
}
