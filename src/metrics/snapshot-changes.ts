import type { Labels, MetricReading, MetricsSnapshot } from './snapshot.ts';

// From one snapshot to the next most metrics stay as they were, above all those of a process that has little to do.

/** Those metrics of each snapshot that are not as in the one before; of the first one all. */
export class SnapshotChanges {
  readonly #last = new Map<string, MetricReading>();

  in(snapshot: MetricsSnapshot): MetricsSnapshot {
    return snapshot.filter((metric) => {
      const before = this.#last.get(metric.name);
      if (before !== undefined && isSame(before, metric)) return false;
      this.#last.set(metric.name, metric);
      return true;
    });
  }
}

/** The snapshot that these changes came from, out of the one before. */
export function withChanges(before: MetricsSnapshot, changes: MetricsSnapshot): MetricsSnapshot {
  const metrics = new Map([...before, ...changes].map((metric) => [metric.name, metric]));
  return [...metrics.values()];
}

function isSame({ samples: before }: MetricReading, { samples }: MetricReading): boolean {
  if (samples.length !== before.length) return false;
  for (const [at, sample] of samples.entries()) {
    const other = before[at];
    if (sample.value !== other?.value || sample.name !== other.name) return false;
    if (!haveSameLabels(sample.labels, other.labels)) return false;
  }
  return true;
}

/** Of one metric, so that they have the same names. */
function haveSameLabels(labels: Labels, others: Labels): boolean {
  for (const label in labels) if (labels[label] !== others[label]) return false;
  return true;
}
