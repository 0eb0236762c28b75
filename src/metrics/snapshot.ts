import type { Histogram } from './histogram.ts';
import type { Merging, Metric, MetricType } from './metric.ts';

/** Metrics as they are at one moment; made of plain values, so that it can travel to another process. */
export type MetricsSnapshot = readonly MetricReading[];

export interface MetricReading {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly merging: Merging;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** The metric's, or with `_bucket`, `_sum` or `_count` behind it for those of a histogram. */
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

export type Labels = Readonly<Record<string, string>>;

export function readMetrics<Source>(metrics: readonly Metric<Source>[], source: Source): MetricReading[] {
  return metrics.map(({ name, type, help, labels, merging, read }) => {
    const samples: Sample[] = [];
    for (const [values, value] of read(source)) {
      const labelled = Object.fromEntries(labels.map((label, at) => [label, values[at] ?? '']));
      if (typeof value === 'number') samples.push({ name, labels: labelled, value });
      else samples.push(...histogramSamples(name, labelled, value));
    }
    return { name, type, help, merging, samples };
  });
}

function histogramSamples(name: string, labels: Labels, { bounds, buckets, count, sum }: Histogram): Sample[] {
  let below = 0;
  return [
    ...bounds.map((bound, at) => ({
      name: `${name}_bucket`,
      labels: { ...labels, le: String(bound) },
      value: (below += buckets[at] ?? 0),
    })),
    { name: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
    { name: `${name}_sum`, labels, value: sum },
    { name: `${name}_count`, labels, value: count },
  ];
}
