import { Counter, Gauge, Histogram as PromHistogram, type Registry } from 'prom-client';
import type { Histogram } from './histogram.ts';

// Metrics whose values are kept elsewhere, as plain numbers, and read when they are scraped.

export interface Described {
  readonly name: string;
  readonly help: string;
}

export function readGauge(registry: Registry, described: Described, read: () => number): void {
  new Gauge({
    ...described,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** One series per value of the label, those of now: what is not read any more is gone. */
export function readGauges(
  registry: Registry,
  described: Described & { readonly label: string },
  read: () => Iterable<readonly [string, number]>,
): void {
  const { label, ...rest } = described;
  new Gauge({
    ...rest,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, number] of read()) this.set({ [label]: value }, number);
    },
  });
}

export function readCounter(registry: Registry, described: Described, read: () => number): void {
  new Counter({
    ...described,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

export function readCounters(
  registry: Registry,
  described: Described & { readonly label: string },
  read: () => Iterable<readonly [string, number]>,
): void {
  const { label, ...rest } = described;
  new Counter({
    ...rest,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of read()) this.inc({ [label]: value }, count);
    },
  });
}

export function readHistogram(registry: Registry, described: Described, read: () => Histogram): void {
  registry.registerMetric(new ReadHistogram(described, read));
}

type HistogramValues = Awaited<ReturnType<PromHistogram['get']>>;

class ReadHistogram extends PromHistogram {
  readonly #read: () => Histogram;
  readonly #described: Described;

  constructor(described: Described, read: () => Histogram) {
    super({ ...described, buckets: [...read().bounds], registers: [] });
    this.#described = described;
    this.#read = read;
  }

  override async get(): Promise<HistogramValues> {
    const { name } = this.#described;
    const { bounds, buckets, count, sum } = this.#read();
    let below = 0;
    const cumulative = bounds.map((le, index) => ({
      metricName: `${name}_bucket`,
      labels: { le },
      value: (below += buckets[index] ?? 0),
    }));
    return {
      ...(await super.get()),
      values: [
        ...cumulative,
        { metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: count },
        { metricName: `${name}_sum`, labels: {}, value: sum },
        { metricName: `${name}_count`, labels: {}, value: count },
      ],
    };
  }
}
