import type { Metrics } from '../metrics/metrics.ts';
import { SnapshotChanges } from '../metrics/snapshot-changes.ts';
import type { FromWorker } from './worker-messages.ts';

const reportEveryMs = 1_000;
/** How soon after a new connection the primary hears of the worker's load: balancing lives on it. */
const loadDelayMs = 20;

/** Tells the primary how the worker is, unasked: nobody ever waits for a worker to answer. */
export class Reports {
  readonly #metrics: Metrics;
  readonly #send: (message: FromWorker) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #changes = new SnapshotChanges();
  #loadTimer: NodeJS.Timeout | undefined;
  #brokerFailure: string | undefined;

  constructor(metrics: Metrics, send: (message: FromWorker) => void) {
    this.#metrics = metrics;
    this.#send = send;
    // When all timers have fired, that of the event loop's delay among them: a delay that has just ended is in it.
    this.#timer = setInterval(() => setImmediate(() => void this.report()), reportEveryMs);
    this.#timer.unref();
  }

  /** Told at once, and again with every report. @param failure undefined: the broker is well */
  brokerChanged(failure: string | undefined): void {
    this.#brokerFailure = failure;
    this.#send({ type: 'broker', ...(failure === undefined ? {} : { failure }) });
  }

  /** There is a new connection. */
  loadChanged(): void {
    this.#loadTimer ??= setTimeout(() => {
      this.#loadTimer = undefined;
      this.#send({ type: 'load', connections: this.#metrics.counts.connections });
    }, loadDelayMs).unref();
  }

  /** The last report. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#loadTimer);
    await this.report();
    this.#metrics.close();
  }

  /** What has changed since the last one, now; otherwise once a second. */
  async report(): Promise<void> {
    const brokerFailure = this.#brokerFailure;
    this.#send({
      type: 'report',
      snapshot: this.#changes.in(this.#metrics.snapshot()),
      connections: this.#metrics.counts.connections,
      ...(brokerFailure === undefined ? {} : { brokerFailure }),
    });
  }
}
