import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../src/metrics/histogram.ts';
import { countersOf, labelMetrics, mergeMetrics } from '../../../src/metrics/merge-metrics.ts';
import { counters, gauge, gauges, histogram, type Metric } from '../../../src/metrics/metric.ts';
import { renderMetrics } from '../../../src/metrics/render-metrics.ts';
import { readMetrics, type MetricsSnapshot } from '../../../src/metrics/snapshot.ts';

interface Values {
  readonly counted: number;
  readonly open: number;
  readonly delay: number;
}

const metrics: readonly Metric<Values>[] = [
  counters('closes_total', 'Closes.', { labels: ['code'], read: ({ counted }) => [['1000', counted]] }),
  gauge('open', 'Open.', ({ open }) => open),
  gauges('delay', 'Delay.', { labels: [], merging: 'max', read: ({ delay }) => [[[], delay]] }),
  histogram('wait', 'Wait.', ({ counted }) => {
    const waits = new Histogram([1, 10]);
    waits.observe(counted);
    return waits;
  }),
];

/** A worker's snapshot as its primary gets it. */
function worker(counted: number, open: number, delay: number): MetricsSnapshot {
  return JSON.parse(JSON.stringify(readMetrics(metrics, { counted, open, delay }))) as MetricsSnapshot;
}

function text(...snapshots: readonly MetricsSnapshot[]): string {
  return renderMetrics(mergeMetrics(snapshots), 'text');
}

function twoLabels(labels: readonly string[], values: readonly string[], value: number): MetricsSnapshot {
  return readMetrics([gauges<undefined>('g', 'G.', { labels, read: () => [[values, value]] })], undefined);
}

describe('merged metrics', () => {
  it('add up counters, gauges and histograms, and take the largest where the metric says so', () => {
    const merged = text(worker(3, 10, 0.5), worker(4, 20, 0.25));
    expect(merged).toContain('closes_total{code="1000"} 7\n');
    expect(merged).toContain('open 30\n');
    expect(merged).toContain('delay 0.5\n');
    expect(merged).toContain('wait_bucket{le="10"} 2\n');
    expect(merged).toContain('wait_sum 7\n');
    expect(merged).toContain('wait_count 2\n');
  });

  it('keep series with different labels apart, whatever the order of their labels', () => {
    const one = twoLabels(['a', 'b'], ['1', '2'], 1);
    const same = twoLabels(['b', 'a'], ['2', '1'], 1);
    const other = twoLabels(['a', 'b'], ['3', '2'], 1);
    const merged = text(one, same, other);
    expect(merged).toContain('g{a="1",b="2"} 2\n');
    expect(merged).toContain('g{a="3",b="2"} 1\n');
  });

  it('keep the counters of a worker that is gone, and forget its gauges', () => {
    const merged = text(countersOf(worker(5, 100, 9)), worker(1, 2, 0.5));
    expect(merged).toContain('closes_total{code="1000"} 6\n');
    expect(merged).toContain('wait_count 2\n');
    expect(merged).toContain('open 2\n');
    expect(merged).toContain('delay 0.5\n');
  });

  it('are those of several processes in one seat: who is gone, who leaves and who follows', () => {
    const [gone, leaving, following] = [worker(5, 100, 9), worker(2, 7, 0.1), worker(1, 3, 0.2)];
    const merged = text(countersOf(gone), leaving, following);
    expect(merged).toContain('closes_total{code="1000"} 8\n');
    expect(merged).toContain('open 10\n');
    // When the second has left, its counters stay where they were.
    expect(text(mergeMetrics([countersOf(gone), countersOf(leaving)]), following)).toContain(
      'closes_total{code="1000"} 8\n',
    );
  });

  it('carry a label more where they are told by worker', () => {
    const labelled = labelMetrics(worker(5, 1, 0), 'worker', '2');
    expect(renderMetrics(labelled, 'text')).toContain('closes_total{code="1000",worker="2"} 5\n');
  });

  it('are empty where there is nothing', () => {
    expect(text()).toBe('');
  });
});
