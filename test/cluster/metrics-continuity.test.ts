import { describe, expect, it } from 'vitest';
import { ChatClient } from '../support/chat-client.ts';
import { parseMetrics, type MetricsText } from '../support/metrics-text.ts';
import { startAll, stopAll } from '../support/start-all.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { until } from '../support/until.ts';

async function scrape(product: Product): Promise<MetricsText> {
  return parseMetrics(await (await fetch(product.operationsUrl('/metrics'))).text());
}

/** What must not go backwards, with its value. */
function counted({ types, values }: MetricsText): Map<string, number> {
  const metricOf = (series: string): string => /^\w+/.exec(series)?.[0] ?? '';
  return new Map(
    [...values].filter(([series]) => {
      const name = metricOf(series);
      return types.get(name) === 'counter' || types.get(name.replace(/_(bucket|sum|count)$/, '')) === 'histogram';
    }),
  );
}

describe('counters and histograms', () => {
  it('have no gap and never go backwards when workers are killed one after the other', async () => {
    await using product = await startProduct();
    const members = await startAll(Array.from({ length: 8 }, () => ChatClient.open(product.socketUrl('/chat'))));
    for (let i = 0; i < 50; i++) members[i % members.length]?.send({ type: 'message', text: `number ${i}` });
    const lags = 'carillon_delivery_lag_seconds_count{rule="/chat"}';
    await until(async () => (await product.metric(lags)) >= 50);

    let last = counted(await scrape(product));
    expect(last.size).toBeGreaterThan(50);
    let rounds = 0;
    for (const worker of [1, 2, 1]) {
      const before = await product.metric('carillon_worker_restarts_total');
      process.kill((await product.workerPids()).get(worker) ?? 0, 'SIGKILL');
      await until(
        async () => {
          const now = counted(await scrape(product));
          const backwards = [...last].filter(([series, value]) => (now.get(series) ?? -1) < value);
          expect(backwards).toEqual([]);
          last = now;
          rounds++;
          return (
            (await product.metric('carillon_worker_restarts_total')) > before &&
            (await product.metric('carillon_workers{state="listening"}')) >= 1 &&
            (await product.readiness()).reasons.length === 0
          );
        },
        { deadlineMs: 30_000, what: 'the killed worker has a successor' },
      );
    }
    expect(rounds).toBeGreaterThan(3);
    await stopAll(members);
  });
});
