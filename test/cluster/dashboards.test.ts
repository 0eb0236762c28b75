import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparing, readRules, selectorsOf } from '../support/alert-rules.ts';
import { ChatClient } from '../support/chat-client.ts';
import { readDashboards } from '../support/read-dashboards.ts';
import { enterSlowly, MonitoredCluster } from '../support/monitored-cluster.ts';
import type { Sample } from '../support/start-prometheus.ts';
import { until } from '../support/until.ts';

const dashboards = await readDashboards();
const rules = await readRules();
const folder = new URL('../../docs/runbooks/', import.meta.url);
const pages = await readdir(folder);

let cluster: MonitoredCluster;
beforeAll(async () => {
  cluster = await MonitoredCluster.start();
  await letThingsHappen(cluster);
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** What has series of its own only when it happens, without anything being broken for good. */
async function letThingsHappen({ proxy, one, two, prometheus }: MonitoredCluster): Promise<void> {
  await using short = await ChatClient.open(two.socketUrl('/short'));
  // The network between node-2 and Redis is gone for longer than publications wait.
  proxy.isOpen = false;
  proxy.reset();
  for (const text of ['1', '2', '3', '4']) {
    await using speaker = await ChatClient.open(one.socketUrl('/short'));
    speaker.send({ type: 'message', text, ref: text });
    await speaker.nextOf('sent');
  }
  const rejected = (): Promise<readonly Sample[]> =>
    prometheus.query('carillon_redis_publishes_rejected_total{node="node-2"} > 0');
  await until(async () => (await rejected()).length > 0, { what: 'a publication is rejected', deadlineMs: 30_000 });
  proxy.isOpen = true;
  await short.nextOf('gap');
  // Somebody comes back with a place that there never was.
  await using lost = await ChatClient.open(one.socketUrl('/kept'), undefined, { epoch: 'another', offset: 1 });
  expect(lost.welcome.recovered).toBe(false);
  // And some do not read.
  const slowRooms = { '/dropping': 'dropped', '/latest': 'dropped', '/resync': 'resyncs' };
  await using _dropping = await enterSlowly(one, '/dropping', 1);
  await using _latest = await enterSlowly(one, '/latest', 1);
  await using _resync = await enterSlowly(one, '/resync', 1);
  await until(
    async () => {
      for (const room of Object.keys(slowRooms)) await cluster.flood(room);
      const counts = await Promise.all(
        Object.entries(slowRooms).map(([room, counter]) =>
          prometheus.query(`carillon_${counter}_total{rule="${room}"} > 0`),
        ),
      );
      return counts.every(({ length }) => length > 0);
    },
    { what: 'slow consumers are dealt with', deadlineMs: 30_000 },
  );
}

/** Every variable stands for all there is, as in a dashboard that was just opened. */
function filledIn(expression: string): string {
  return expression.replaceAll('$__rate_interval', '5m').replaceAll(/\$(job|node|instance|rule)\b/g, '.*');
}

/** Rates need two samples, percentiles something to count. */
async function untilItYields(expression: string): Promise<readonly Sample[]> {
  let last: readonly Sample[] = [];
  const yields = async (): Promise<boolean> => {
    last = await cluster.prometheus.query(expression);
    return last.some(({ value }) => Number.isFinite(value));
  };
  await until(yields, { everyMs: 200 }).catch(() => {
    throw new Error(`${expression} yields ${last.length === 0 ? 'nothing' : JSON.stringify(last)}`);
  });
  return last;
}

describe.each(dashboards)('the dashboard $file on a live cluster', ({ dashboard: { panels, templating } }) => {
  const expressions = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

  it('finds values for each of its variables', async () => {
    for (const { definition } of templating.list) {
      if (definition === undefined) continue;
      const [, series = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
      const found = await untilItYields(filledIn(series));
      expect(found.map(({ labels }) => labels[label] ?? '').filter((value) => value !== '')).not.toEqual([]);
    }
  });

  it.each(expressions)('shows something in "$title": $expr', async ({ expr }) => {
    await untilItYields(filledIn(expr));
    // What counts firing alerts is 0 when there are none.
    for (const selector of selectorsOf(filledIn(expr))) await untilItYields(selector);
  });
});

describe('the rules on a live cluster', () => {
  const named = rules.map(({ alert, record, expr }) => ({ name: alert ?? record, expr }));
  it.each(named)('$name watches something', async ({ expr }) => {
    for (const selector of selectorsOf(expr)) await untilItYields(selector);
    if (!expr.startsWith('absent(')) await untilItYields(comparing(expr));
  });
});

describe('the runbooks on a live cluster', () => {
  it.each(pages)('%s has queries that Prometheus understands', async (file) => {
    const text = await readFile(new URL(file, folder), 'utf8');
    for (const [, block = ''] of text.matchAll(/^```promql\n(.*?)\n```$/gms))
      for (const line of block.split('\n')) {
        await cluster.prometheus.query(line);
        for (const selector of selectorsOf(line)) await untilItYields(selector);
      }
  });
});
