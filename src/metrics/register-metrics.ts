import { Counter, Gauge, Histogram as PromHistogram, Summary, type Registry } from 'prom-client';
import type { Metric } from './metric.ts';
import { readMetrics, type Sample } from './snapshot.ts';

type HistogramValues = Awaited<ReturnType<PromHistogram['get']>>;
type SummaryValues = Awaited<ReturnType<Summary['get']>>;

/** Makes metrics part of a registry of prom-client, as a program that embeds Carillon has one. */
export function registerMetrics<Source>(registry: Registry, metrics: readonly Metric<Source>[], source: Source): void {
  for (const metric of metrics) {
    if (metric.type === 'gauge') registerGauge(registry, metric, source);
    else if (metric.type === 'counter') registerCounter(registry, metric, source);
    else if (metric.type === 'summary') registry.registerMetric(new ReadSummary(() => read(metric, source), metric));
    else registry.registerMetric(new ReadHistogram(() => read(metric, source), metric));
  }
}

function read<Source>(metric: Metric<Source>, source: Source): readonly Sample[] {
  return readMetrics([metric], source)[0]?.samples ?? [];
}

function registerGauge<Source>(registry: Registry, metric: Metric<Source>, source: Source): void {
  const { name, help, labels, merging } = metric;
  new Gauge({
    name,
    help,
    labelNames: [...labels],
    aggregator: merging,
    registers: [registry],
    collect() {
      this.reset();
      // Without labels there is a 0 after a reset; a gauge may have nothing to say.
      if (labels.length === 0) this.remove();
      for (const sample of read(metric, source)) this.set(sample.labels, sample.value);
    },
  });
}

function registerCounter<Source>(registry: Registry, metric: Metric<Source>, source: Source): void {
  const { name, help, labels } = metric;
  new Counter({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect() {
      this.reset();
      for (const sample of read(metric, source)) this.inc(sample.labels, sample.value);
    },
  });
}

class ReadHistogram extends PromHistogram {
  readonly #read: () => readonly Sample[];
  /** Says all but the values. */
  readonly #frame: PromHistogram;

  constructor(read: () => readonly Sample[], { name, help }: Pick<Metric<never>, 'name' | 'help'>) {
    super({ name, help, registers: [] });
    this.#read = read;
    this.#frame = new PromHistogram({ name, help, registers: [] });
  }

  override async get(): Promise<HistogramValues> {
    const values = this.#read().map(({ name, labels, value }) => ({ metricName: name, labels, value }));
    return { ...(await this.#frame.get()), values };
  }

  /** Which prom-client asks instead where it writes text. */
  getForPromString(): Promise<HistogramValues> {
    return this.get();
  }
}

class ReadSummary extends Summary {
  readonly #read: () => readonly Sample[];

  constructor(
    read: () => readonly Sample[],
    { name, help, merging }: Pick<Metric<never>, 'name' | 'help' | 'merging'>,
  ) {
    super({ name, help, aggregator: merging, registers: [] });
    this.#read = read;
  }

  override async get(): Promise<SummaryValues> {
    return { ...(await super.get()), values: this.#read().map(({ labels, value }) => ({ labels, value })) };
  }
}
