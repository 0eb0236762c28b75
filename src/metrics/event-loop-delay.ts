import { monitorEventLoopDelay } from 'node:perf_hooks';

const quantiles = [0.5, 0.99, 1] as const;
/**
 * The delay is sampled by a timer of this many milliseconds, which its readings include: what held the loop up is read
 * as up to so much shorter than it was. Each sample wakes the process up, 20 us of an idle one's CPU and more.
 */
const resolutionMs = 40;
/** Whoever looks every quarter of a minute, as Prometheus does by default, misses nothing. */
const windowMs = 15_000;

interface Reading {
  readonly readMs: number;
  /** By quantile, in seconds. */
  readonly seconds: readonly number[];
}

/** How late the event loop ran: the worst of what was read within the last 15 seconds, or since it was read last. */
export class EventLoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  #readings: Reading[] = [];
  #isEnabled = false;

  /** Quantile → seconds. To be called once a second or so; each call is a reading. */
  read(): readonly (readonly [string, number])[] {
    // Not before somebody looks: measuring costs a timer, which would keep an embedding program's metrics alive.
    if (!this.#isEnabled) this.#isEnabled = this.#histogram.enable();
    const nowMs = performance.now();
    const seconds = quantiles.map((quantile) => {
      const readingMs = this.#histogram.count === 0 ? 0 : this.#histogram.percentile(quantile * 100) / 1e6;
      return Math.max(0, readingMs - resolutionMs) / 1000;
    });
    this.#histogram.reset();
    this.#readings = this.#readings.filter(({ readMs }) => nowMs - readMs < windowMs);
    this.#readings.push({ readMs: nowMs, seconds });
    return quantiles.map((quantile, at) => [
      String(quantile),
      Math.max(...this.#readings.map((reading) => reading.seconds[at] ?? 0)),
    ]);
  }

  close(): void {
    this.#histogram.disable();
  }
}
