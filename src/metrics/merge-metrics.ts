import type { Merging } from './metric.ts';
import type { MetricReading, MetricsSnapshot, Sample } from './snapshot.ts';

// Snapshots in, a snapshot out. Nothing here keeps a state or waits for anybody.

/**
 * One snapshot out of several, of processes that live side by side or came one after the other: series with the same
 * name and labels become one, their sum or the largest of them.
 */
export function mergeMetrics(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const metrics = new Map<string, { metric: MetricReading; series: Map<string, Sample> }>();
  for (const snapshot of snapshots) {
    for (const metric of snapshot) {
      let merged = metrics.get(metric.name);
      if (merged === undefined) metrics.set(metric.name, (merged = { metric, series: new Map() }));
      for (const sample of metric.samples) {
        const key = seriesKey(sample);
        const same = merged.series.get(key);
        const value = same === undefined ? sample.value : combine(merged.metric.merging, same.value, sample.value);
        merged.series.set(key, { ...(same ?? sample), value });
      }
    }
  }
  return [...metrics.values()].map(({ metric, series }) => ({ ...metric, samples: [...series.values()] }));
}

/** What must outlive its process: counters and histograms never go backwards, what it was like just now ends with it. */
export function countersOf(snapshot: MetricsSnapshot): MetricsSnapshot {
  return snapshot.filter(({ type }) => type === 'counter' || type === 'histogram');
}

/** The same series, each with one label more. */
export function labelMetrics(snapshot: MetricsSnapshot, label: string, labelValue: string): MetricsSnapshot {
  return snapshot.map((metric) => ({
    ...metric,
    samples: metric.samples.map((sample) => ({ ...sample, labels: { ...sample.labels, [label]: labelValue } })),
  }));
}

function seriesKey({ name, labels }: Sample): string {
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, ...sorted]);
}

function combine(merging: Merging, a: number, b: number): number {
  return merging === 'max' ? Math.max(a, b) : a + b;
}
