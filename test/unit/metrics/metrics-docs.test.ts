import { describe, expect, it } from 'vitest';
import { workerMetrics } from '../../../src/metrics/worker-metrics.ts';
import { ipcMetrics, nodeMetrics } from '../../../src/server/node-metrics.ts';
import { redisMetrics } from '../../../src/server/redis-metrics.ts';

const all = [...workerMetrics, ...redisMetrics, ...nodeMetrics, ...ipcMetrics];

describe('every metric', () => {
  it('has a name of its own, in OpenMetrics as well', () => {
    const families = all.map(({ name, type }) => (type === 'counter' ? name.replace(/_total$/, '') : name));
    expect(new Set(families).size).toBe(families.length);
  });

  it.each(all)('$name follows the conventions of Prometheus', ({ name, type, labels, help, merging }) => {
    expect(name).toMatch(/^carillon_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/);
    expect(name).not.toMatch(/_(ms|millis|milliseconds|kb|mb|percent|count|sum|bucket)(_|$)/);
    // Labels are no part of a name, and what Prometheus gives labels is not ours.
    for (const label of labels) {
      expect(label).toMatch(/^[a-z_]+$/);
      expect(['le', 'instance', 'job', 'node']).not.toContain(label);
      expect(name).not.toContain(`_by_${label}`);
    }
    expect(help).toMatch(/^[A-Z].*\.$/);
    // It has to fit in a table, and `/metrics/workers` has a label more.
    expect(help).not.toMatch(/[|\n]/);
    if (type === 'counter' || type === 'histogram') expect(merging).toBe('sum');
  });
});
