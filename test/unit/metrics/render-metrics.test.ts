import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../src/metrics/histogram.ts';
import { counter, gauge, gauges, histogram } from '../../../src/metrics/metric.ts';
import { chooseFormat, renderMetrics } from '../../../src/metrics/render-metrics.ts';
import { readMetrics } from '../../../src/metrics/snapshot.ts';

const waits = new Histogram([0.5, 10]);
for (const value of [0.25, 2, 20]) waits.observe(value);
const snapshot = readMetrics(
  [
    counter('sent_bytes_total', 'Sent.', () => 12),
    gauges<undefined>('paths', 'Back\\slash, "quote"\nand line.', {
      labels: ['path'],
      read: () => [['a\\b"c"\nd', 0.5]],
    }),
    gauge('none', 'Nothing to say.', () => undefined),
    histogram('wait_seconds', 'Waits.', () => waits),
  ],
  undefined,
);

describe('metrics as text', () => {
  it("are Prometheus' format 0.0.4", () => {
    expect(renderMetrics(snapshot, 'text').split('\n')).toEqual([
      '# HELP sent_bytes_total Sent.',
      '# TYPE sent_bytes_total counter',
      'sent_bytes_total 12',
      '# HELP paths Back\\\\slash, "quote"\\nand line.',
      '# TYPE paths gauge',
      'paths{path="a\\\\b\\"c\\"\\nd"} 0.5',
      '# HELP none Nothing to say.',
      '# TYPE none gauge',
      '# HELP wait_seconds Waits.',
      '# TYPE wait_seconds histogram',
      'wait_seconds_bucket{le="0.5"} 1',
      'wait_seconds_bucket{le="10"} 2',
      'wait_seconds_bucket{le="+Inf"} 3',
      'wait_seconds_sum 22.25',
      'wait_seconds_count 3',
      '',
    ]);
  });

  it('are OpenMetrics 1.0.0: families of counters without _total, units, and an end', () => {
    expect(renderMetrics(snapshot, 'openmetrics').split('\n')).toEqual([
      '# TYPE sent_bytes counter',
      '# UNIT sent_bytes bytes',
      '# HELP sent_bytes Sent.',
      'sent_bytes_total 12',
      '# TYPE paths gauge',
      '# HELP paths Back\\\\slash, \\"quote\\"\\nand line.',
      'paths{path="a\\\\b\\"c\\"\\nd"} 0.5',
      '# TYPE none gauge',
      '# HELP none Nothing to say.',
      '# TYPE wait_seconds histogram',
      '# UNIT wait_seconds seconds',
      '# HELP wait_seconds Waits.',
      'wait_seconds_bucket{le="0.5"} 1',
      'wait_seconds_bucket{le="10"} 2',
      'wait_seconds_bucket{le="+Inf"} 3',
      'wait_seconds_sum 22.25',
      'wait_seconds_count 3',
      '# EOF',
      '',
    ]);
  });

  it.each([
    [undefined, 'text'],
    ['', 'text'],
    ['*/*', 'text'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'text'],
    ['application/openmetrics-text', 'openmetrics'],
    ['Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8', 'openmetrics'],
    // Prometheus 2.42 and 3.
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1',
      'openmetrics',
    ],
    ['text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5', 'text'],
    ['application/openmetrics-text;version=0.0.1', 'text'],
    ['application/openmetrics-text;q=0', 'text'],
  ] as const)('are for Accept %j in the format %s', (accept, format) => {
    expect(chooseFormat(accept)).toBe(format);
  });
});
