import { AggregatorRegistry } from 'prom-client';
import type { MetricsSnapshot } from './metrics.ts';

// Snapshots are what `registry.getMetricsAsJSON()` gives, before or after a trip through JSON. Nothing here keeps a
// state or waits for anybody.

type Metric = MetricsSnapshot[number];
type Value = Metric['values'][number];

export const prometheusContentType: string = 'text/plain; version=0.0.4; charset=utf-8';

/** One snapshot out of several: series with the same name and labels become one, by their metric's aggregator. */
export function mergeMetrics(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const metrics = new Map<string, { metric: Metric; series: Map<string, Value[]> }>();
  for (const snapshot of snapshots) {
    for (const metric of snapshot) {
      let merged = metrics.get(metric.name);
      if (merged === undefined) metrics.set(metric.name, (merged = { metric, series: new Map() }));
      for (const value of metric.values) {
        const key = seriesKey(value);
        const same = merged.series.get(key);
        if (same === undefined) merged.series.set(key, [value]);
        else same.push(value);
      }
    }
  }
  return [...metrics.values()].map(({ metric, series }) => ({
    ...metric,
    values: [...series.values()].map((values) => aggregate(metric.aggregator, values)),
  }));
}

/** What must outlive its worker: counters and histograms never go backwards, gauges end with the process. */
export function countersOf(snapshot: MetricsSnapshot): MetricsSnapshot {
  return snapshot.filter((metric) => ['counter', 'histogram'].includes(String(metric.type)));
}

/** The same series, each with one label more. */
export function labelMetrics(snapshot: MetricsSnapshot, label: string, labelValue: string): MetricsSnapshot {
  return snapshot.map((metric) => ({
    ...metric,
    values: metric.values.map((value) => ({ ...value, labels: { ...value.labels, [label]: labelValue } })),
  }));
}

/** Prometheus' text format 0.0.4, written by prom-client. */
export async function renderMetrics(snapshot: MetricsSnapshot): Promise<string> {
  return await AggregatorRegistry.aggregate([[...snapshot]]).metrics();
}

function seriesKey({ labels, metricName }: Value & { metricName?: string }): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([metricName, ...sorted]);
}

function aggregate(aggregator: string, values: readonly Value[]): Value {
  const [first = { value: 0, labels: {} }] = values;
  const numbers = values.map(({ value }) => value);
  const sum = (): number => numbers.reduce((total, number) => total + number, 0);
  switch (aggregator) {
    case 'max':
      return { ...first, value: Math.max(...numbers) };
    case 'min':
      return { ...first, value: Math.min(...numbers) };
    case 'average':
      return { ...first, value: sum() / numbers.length };
    case 'first':
      return first;
    default:
      return { ...first, value: sum() };
  }
}
