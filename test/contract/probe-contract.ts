import { describe, expect, it } from 'vitest';
import { BrokerClosedError, type ProbeCapability } from '../../src/broker/broker.ts';
import {
  participant,
  participants,
  settled,
  type MakeBrokerCluster,
  type Participant,
} from '../support/broker-cluster.ts';

const deadlineMs = 20_000;

function probeOf({ broker }: Participant): ProbeCapability {
  if (broker.probe === undefined) throw new Error('the broker has no probe');
  return broker.probe;
}

/** What ProbeCapability in src/broker/broker.ts promises, for brokers that have it. */
export function probeContract(makeCluster: MakeBrokerCluster): void {
  describe('the probe', () => {
    it('answers how long a publication took that came back, as often as it is asked', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const tookMs = await Promise.all(
        all.flatMap((one) => [probeOf(one).roundTrip(deadlineMs), probeOf(one).roundTrip(deadlineMs)]),
      );
      tookMs.push(await probeOf(all[0] as Participant).roundTrip(deadlineMs));
      for (const ms of tookMs) expect(ms).toBeGreaterThanOrEqual(0);
      expect(tookMs).toHaveLength(5);
    });

    it('tells the sinks nothing', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      for (const one of all) await probeOf(one).roundTrip(deadlineMs);
      await settled(all);
      for (const { sink } of all) {
        expect(sink.publications.filter(({ subscription }) => subscription.includes('probe'))).toEqual([]);
      }
    });

    it('rejects with BrokerClosedError after close, also what was under way', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      const underWay = probeOf(one).roundTrip(deadlineMs);
      const refused = expect(underWay).rejects.toBeInstanceOf(BrokerClosedError);
      await one.broker.close();
      await refused;
      await expect(probeOf(one).roundTrip(deadlineMs)).rejects.toBeInstanceOf(BrokerClosedError);
    });
  });
}
