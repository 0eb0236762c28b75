import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../src/metrics/histogram.ts';
import { counter, gauge, gauges, histograms } from '../../../src/metrics/metric.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { registerMetrics } from '../../../src/metrics/register-metrics.ts';
import { renderMetrics } from '../../../src/metrics/render-metrics.ts';

/** The lines with values, in any order. */
function samples(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .toSorted();
}

describe('the registry of a program that embeds Carillon', () => {
  it('tells what the operations port does', async () => {
    const metrics = new Metrics();
    const { counts } = metrics;
    counts.connections = 3;
    counts.countHandshakeRefused('rate');
    counts.countDropped('/a/*', 'drop-oldest', 7);
    counts.ofRule('/a/*').lag.observe(0.02);
    counts.ofRule('(none)').deliveries = 5;
    // What differs from one look to the next is left out.
    const steady = (text: string): string[] => samples(text).filter((line) => !/_(cpu|memory|event_loop)_/.test(line));
    const inRegistry = steady(await metrics.registry.metrics());
    expect(inRegistry).toEqual(steady(renderMetrics(metrics.snapshot(), 'text')));
    expect(inRegistry).toContain('carillon_delivery_lag_seconds_bucket{rule="/a/*",le="0.025"} 1');
    metrics.close();
  });

  it('reads anew each time, and forgets series that are gone', async () => {
    const registry = new Registry();
    const source: { states: [string, number][]; tokens: number | undefined; waits: Histogram } = {
      states: [['up', 1]],
      tokens: 4,
      waits: new Histogram([1]),
    };
    registerMetrics(
      registry,
      [
        gauges<typeof source>('servers', 'Servers.', { labels: ['state'], read: ({ states }) => states }),
        gauge<typeof source>('tokens', 'Tokens.', ({ tokens }) => tokens),
        counter<typeof source>('asked_total', 'Asked.', ({ waits }) => waits.count),
        histograms<typeof source>('wait_seconds', 'Wait.', { labels: ['of'], read: ({ waits }) => [['all', waits]] }),
      ],
      source,
    );
    expect(samples(await registry.metrics())).toContain('servers{state="up"} 1');
    expect(samples(await registry.metrics())).toContain('tokens 4');
    source.states = [['down', 2]];
    source.tokens = undefined;
    source.waits.observe(2);
    expect(samples(await registry.metrics())).toEqual(
      [
        'asked_total 1',
        'servers{state="down"} 2',
        'wait_seconds_bucket{of="all",le="1"} 0',
        'wait_seconds_bucket{of="all",le="+Inf"} 1',
        'wait_seconds_sum{of="all"} 2',
        'wait_seconds_count{of="all"} 1',
      ].toSorted(),
    );
  });
});
