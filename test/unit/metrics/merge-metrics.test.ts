import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { countersOf, labelMetrics, mergeMetrics, renderMetrics } from '../../../src/metrics/merge-metrics.ts';
import type { MetricsSnapshot } from '../../../src/metrics/metrics.ts';

/** A registry's state after a trip through JSON, as it comes from a worker. */
async function snapshotOf(fill: (registry: Registry) => void): Promise<MetricsSnapshot> {
  const registry = new Registry();
  fill(registry);
  return JSON.parse(JSON.stringify(await registry.getMetricsAsJSON())) as MetricsSnapshot;
}

function worker(counted: number, open: number, delay: number): Promise<MetricsSnapshot> {
  return snapshotOf((registry) => {
    const registers = [registry];
    new Counter({ name: 'closes_total', help: 'Closes.', labelNames: ['code'], registers }).inc(
      { code: '1000' },
      counted,
    );
    new Gauge({ name: 'open', help: 'Open.', registers }).set(open);
    new Gauge({ name: 'delay', help: 'Delay.', aggregator: 'max', registers }).set(delay);
    new Histogram({ name: 'wait', help: 'Wait.', buckets: [1, 10], registers }).observe(counted);
  });
}

describe('merged metrics', () => {
  it('add up counters, gauges and histograms, and take the largest where the metric says so', async () => {
    const text = await renderMetrics(mergeMetrics([await worker(3, 10, 0.5), await worker(4, 20, 0.25)]));
    expect(text).toContain('closes_total{code="1000"} 7\n');
    expect(text).toContain('open 30\n');
    expect(text).toContain('delay 0.5\n');
    expect(text).toContain('wait_bucket{le="10"} 2\n');
    expect(text).toContain('wait_sum 7\n');
    expect(text).toContain('wait_count 2\n');
  });

  it('keep series with different labels apart, whatever the order of their labels', async () => {
    const one = await snapshotOf((registry) =>
      new Gauge({ name: 'g', help: 'G.', labelNames: ['a', 'b'], registers: [registry] }).set({ a: '1', b: '2' }, 1),
    );
    const two = await snapshotOf((registry) =>
      new Gauge({ name: 'g', help: 'G.', labelNames: ['a', 'b'], registers: [registry] }).set({ b: '2', a: '1' }, 1),
    );
    const other = labelMetrics(one, 'a', '3');
    const text = await renderMetrics(mergeMetrics([one, two, other]));
    expect(text).toContain('g{a="1",b="2"} 2\n');
    expect(text).toContain('g{a="3",b="2"} 1\n');
  });

  it('keep the counters of a worker that is gone, and forget its gauges', async () => {
    const gone = countersOf(await worker(5, 100, 9));
    const text = await renderMetrics(mergeMetrics([gone, await worker(1, 2, 0.5)]));
    expect(text).toContain('closes_total{code="1000"} 6\n');
    expect(text).toContain('open 2\n');
    expect(text).toContain('delay 0.5\n');
  });

  it('carry a label more where they are told by worker', async () => {
    const labelled = labelMetrics(await worker(5, 1, 0), 'worker', '2');
    expect(await renderMetrics(labelled)).toContain('closes_total{code="1000",worker="2"} 5\n');
  });

  it('are empty where there is nothing', async () => {
    expect((await renderMetrics(mergeMetrics([]))).trim()).toBe('');
  });
});
