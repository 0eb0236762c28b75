import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../src/metrics/histogram.ts';
import { mergeMetrics, renderMetrics } from '../../../src/metrics/merge-metrics.ts';
import type { MetricsSnapshot } from '../../../src/metrics/metrics.ts';
import { readGauges, readHistogram } from '../../../src/metrics/read-metrics.ts';

/** What a worker that observed these values sends to its primary. */
async function observed(...values: number[]): Promise<MetricsSnapshot> {
  const histogram = new Histogram([1, 10]);
  const registry = new Registry();
  readHistogram(registry, { name: 'wait_seconds', help: 'Wait.' }, () => histogram);
  for (const value of values) histogram.observe(value);
  return JSON.parse(JSON.stringify(await registry.getMetricsAsJSON())) as MetricsSnapshot;
}

describe('metrics that are read when they are scraped', () => {
  it('are a histogram as Prometheus wants it, also merged over workers', async () => {
    const text = await renderMetrics(mergeMetrics([await observed(0.5, 1, 2), await observed(10, 11)]));
    expect(text.trim().split('\n')).toEqual([
      '# HELP wait_seconds Wait.',
      '# TYPE wait_seconds histogram',
      'wait_seconds_bucket{le="1"} 2',
      'wait_seconds_bucket{le="10"} 4',
      'wait_seconds_bucket{le="+Inf"} 5',
      'wait_seconds_sum 24.5',
      'wait_seconds_count 5',
    ]);
  });

  it('are read anew each time, and forget series that are gone', async () => {
    const registry = new Registry();
    let states: [string, number][] = [['up', 1]];
    readGauges(registry, { name: 'servers', help: 'Servers.', label: 'state' }, () => states);
    expect(await registry.metrics()).toContain('servers{state="up"} 1');
    states = [['down', 2]];
    expect(await registry.metrics()).toContain('servers{state="down"} 2');
    expect(await registry.metrics()).not.toContain('up');
  });
});
