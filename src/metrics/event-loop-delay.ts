import { monitorEventLoopDelay, performance, type EventLoopUtilization, type IntervalHistogram } from 'node:perf_hooks';

const quantiles = [0.5, 0.99, 1] as const;
/**
 * The delay is sampled by a timer of so many milliseconds, which its readings include: what held the loop up is read
 * as up to so much shorter than it was. Each sample wakes the process up, 20 to 60 us of an idle one's CPU, so one that
 * has nothing to do looks less often.
 */
const busyResolutionMs = 40;
const idleResolutionMs = 100;
/** Share of the time in which the loop had something to do. */
const busyUtilization = 0.1;
/** Whoever looks every quarter of a minute, as Prometheus does by default, misses nothing. */
const windowMs = 15_000;

interface Reading {
  readonly readMs: number;
  /** By quantile, in seconds. */
  readonly seconds: readonly number[];
}

/** How late the event loop ran: the worst of what was read within the last 15 seconds, or since it was read last. */
export class EventLoopDelay {
  readonly #busy = new Sampler(busyResolutionMs);
  readonly #idle = new Sampler(idleResolutionMs);
  #sampler: Sampler | undefined;
  #utilization: EventLoopUtilization | undefined;
  #readings: Reading[] = [];

  /** Quantile → seconds. To be called once a second or so; each call is a reading. */
  read(): readonly (readonly [string, number])[] {
    const nowMs = performance.now();
    const seconds = this.#sampler?.read() ?? quantiles.map(() => 0);
    // Not before somebody looks: measuring costs a timer, which would keep an embedding program's metrics alive.
    this.#choose();
    this.#readings = this.#readings.filter(({ readMs }) => nowMs - readMs < windowMs);
    this.#readings.push({ readMs: nowMs, seconds });
    return quantiles.map((quantile, at) => [
      String(quantile),
      Math.max(...this.#readings.map((reading) => reading.seconds[at] ?? 0)),
    ]);
  }

  close(): void {
    this.#sampler?.stop();
  }

  #choose(): void {
    const now = performance.eventLoopUtilization();
    const since = performance.eventLoopUtilization(now, this.#utilization);
    this.#utilization = now;
    const next = since.utilization > busyUtilization ? this.#busy : this.#idle;
    if (next === this.#sampler) return;
    this.#sampler?.stop();
    this.#sampler = next;
    next.start();
  }
}

class Sampler {
  readonly #resolutionMs: number;
  readonly #histogram: IntervalHistogram;

  constructor(resolutionMs: number) {
    this.#resolutionMs = resolutionMs;
    this.#histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  }

  start(): void {
    this.#histogram.enable();
  }

  stop(): void {
    this.#histogram.disable();
    this.#histogram.reset();
  }

  /** By quantile, in seconds, since the last time. */
  read(): readonly number[] {
    const histogram = this.#histogram;
    const seconds = quantiles.map((quantile) => {
      const readingMs = histogram.count === 0 ? 0 : histogram.percentile(quantile * 100) / 1e6;
      return Math.max(0, readingMs - this.#resolutionMs) / 1000;
    });
    histogram.reset();
    return seconds;
  }
}
