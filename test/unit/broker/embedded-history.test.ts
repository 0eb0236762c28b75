import { describe, expect, it } from 'vitest';
import type { Position } from '../../../src/broker/broker.ts';
import { participants, settled, type MakeBrokerCluster, type Participant } from '../../support/broker-cluster.ts';
import { historyOf, keep } from '../../support/broker-history.ts';
import { IpcCluster } from '../../support/ipc-cluster.ts';
import { MemoryCluster } from '../../support/memory-cluster.ts';

const clusters: readonly [string, MakeBrokerCluster][] = [
  ['memory', async () => new MemoryCluster()],
  ['ipc', async () => new IpcCluster()],
];

describe.each(clusters)('the history of the %s broker', (_name, makeCluster) => {
  it('has one order with the deliveries: what a page has came before it, and what it has not comes after', async () => {
    await using cluster = await makeCluster();
    const all = await participants(cluster, 3);
    const [reader, ...publishers] = all as [Participant, ...Participant[]];
    await reader.broker.subscribe(['a']);
    const delivered = (): number | undefined =>
      reader.sink.publications.findLast(({ subscription }) => subscription === 'a')?.position?.offset;

    const seen: { readonly newest: number; readonly delivered: number | undefined }[] = [];
    const read = async (): Promise<void> => {
      const { position } = await historyOf(reader).read('a', { limit: 10 });
      for (let hop = 0; hop < 50; hop++) await Promise.resolve();
      seen.push({ newest: position.offset, delivered: delivered() });
    };
    const pending: Promise<Position | void>[] = [];
    for (let round = 0; round < 100; round++) {
      for (let index = 0; index < 10; index++) pending.push(keep(publishers[index % 2] as Participant, 'a', 'x'));
      pending.push(keep(reader, 'a', 'x'), read(), keep(reader, 'a', 'x'));
      if (round % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(pending);
    await settled(all);

    expect(seen).toHaveLength(100);
    for (const { newest, delivered: last } of seen) expect(last).toBe(newest);
  });
});
