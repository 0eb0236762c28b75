const bucketMs = 250;

/** Lines per second over the last few seconds, from counts in buckets of a quarter second. */
export class RateMeter {
  readonly #counts: number[];
  /** Number of the bucket that is filled now, counted from time 0. */
  #bucket = 0;

  /** @param spanMs the time the rate is taken over */
  constructor(spanMs = 3_000) {
    this.#counts = Array.from({ length: Math.max(1, Math.round(spanMs / bucketMs)) }, () => 0);
  }

  add(lines: number, nowMs: number): void {
    this.#turnTo(nowMs);
    const slot = this.#bucket % this.#counts.length;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + lines;
  }

  perSecond(nowMs: number): number {
    this.#turnTo(nowMs);
    const sum = this.#counts.reduce((total, count) => total + count, 0);
    return (sum * 1_000) / (this.#counts.length * bucketMs);
  }

  #turnTo(nowMs: number): void {
    const bucket = Math.floor(nowMs / bucketMs);
    const steps = Math.min(bucket - this.#bucket, this.#counts.length);
    for (let step = 1; step <= steps; step++) this.#counts[(bucket - steps + step) % this.#counts.length] = 0;
    this.#bucket = Math.max(this.#bucket, bucket);
  }
}
