/** Counts observations by upper bounds, as plain numbers; the metrics read them when they are scraped. */
export class Histogram {
  /** Upper bounds, inclusive and ascending; what is above the last is only in `count`. */
  readonly bounds: readonly number[];
  /** Observations per bound, not cumulative. */
  readonly buckets: number[];
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.buckets = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.count++;
    this.sum += value;
    // A loop, as some are observed with every publication.
    let at = 0;
    while (at < this.bounds.length && value > (this.bounds[at] ?? 0)) at++;
    if (at < this.bounds.length) this.buckets[at] = (this.buckets[at] ?? 0) + 1;
  }
}
