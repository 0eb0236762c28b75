import { Registry } from 'prom-client';
import { Counts } from './counts.ts';
import { EventLoopDelay } from './event-loop-delay.ts';
import type { Metric } from './metric.ts';
import { registerMetrics } from './register-metrics.ts';
import { readMetrics, type MetricsSnapshot } from './snapshot.ts';
import { workerMetrics } from './worker-metrics.ts';

/** The metrics of one worker, and what they are read from. */
export class Metrics {
  /** All of them, for a program that embeds Carillon and exposes its own. */
  readonly registry: Registry = new Registry();
  readonly counts: Counts = new Counts();
  readonly #eventLoopDelay = new EventLoopDelay();
  readonly #read: (() => MetricsSnapshot)[] = [];
  #outboxBytes: () => number = () => 0;
  #acceptTokens: () => number | undefined = () => undefined;

  constructor() {
    this.add(workerMetrics, {
      counts: this.counts,
      outboxBytes: () => this.#outboxBytes(),
      acceptTokens: () => this.#acceptTokens(),
      eventLoopDelay: () => this.#eventLoopDelay.read(),
    });
  }

  /** Adds metrics of another part of the worker. */
  add<Source>(metrics: readonly Metric<Source>[], source: Source): void {
    registerMetrics(this.registry, metrics, source);
    this.#read.push(() => readMetrics(metrics, source));
  }

  /** Sets where the bytes waiting for clients are read from. */
  watchOutboxes(outboxBytes: () => number): void {
    this.#outboxBytes = outboxBytes;
  }

  /** Sets where the handshakes that are accepted at once are read from; undefined: they are not limited. */
  watchAcceptTokens(acceptTokens: () => number | undefined): void {
    this.#acceptTokens = acceptTokens;
  }

  snapshot(): MetricsSnapshot {
    return this.#read.flatMap((read) => read());
  }

  close(): void {
    this.#eventLoopDelay.close();
  }
}
