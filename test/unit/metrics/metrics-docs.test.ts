import { readFile } from 'node:fs/promises';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { IpcSwitch } from '../../../src/broker/ipc/ipc-switch.ts';
import { RedisBrokerStats } from '../../../src/broker/redis/redis-broker-stats.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { nodeMetrics } from '../../../src/server/node-metrics.ts';
import { redisMetrics } from '../../../src/server/redis-metrics.ts';

function redis(): Registry {
  const registry = new Registry();
  redisMetrics(registry, new RedisBrokerStats());
  return registry;
}

const described = async (registry: Registry): Promise<string[]> =>
  (await registry.getMetricsAsJSON()).map(({ name, type, help }) => `${name} ${type} ${help}`);

describe('docs/metrics.md', () => {
  it('lists every metric with its type and meaning, and no other', async () => {
    const metrics = new Metrics();
    const stats = new IpcSwitch().stats;
    const inCode = [
      ...(await described(metrics.registry)),
      ...(await described(redis())),
      ...(await described(nodeMetrics([], () => stats))),
    ];
    metrics.close();
    const docs = await readFile(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
    const inDocs = [...docs.matchAll(/^\| `(carillon_\w+)` \| (\w+) \| .*? \| (.+) \|$/gm)].map(
      ([, name, type, help]) => `${name} ${type} ${help}`,
    );
    expect(inDocs).toEqual(inCode);
  });

  it('follows Prometheus in names: base units, _total for counters and for nothing else', async () => {
    const metrics = new Metrics();
    const all = [...(await metrics.registry.getMetricsAsJSON()), ...(await redis().getMetricsAsJSON())];
    metrics.close();
    expect(all.length).toBeGreaterThan(10);
    for (const { name, type } of all) {
      expect(name).toMatch(/^carillon_[a-z_]+$/);
      expect(name.endsWith('_total'), name).toBe(String(type) === 'counter');
      expect(name).not.toMatch(/(_ms|_millis|_kb|_percent)/);
    }
  });
});
