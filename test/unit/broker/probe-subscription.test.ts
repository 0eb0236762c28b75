import { describe, expect, it } from 'vitest';
import { BrokerUnavailableError, type Publication } from '../../../src/broker/broker.ts';
import { ProbeSubscription } from '../../../src/broker/probe-subscription.ts';

describe('ProbeSubscription', () => {
  it('says so when a publication was accepted and does not come back in time', async () => {
    const probe = new ProbeSubscription({ subscribe: async () => {}, publish: async () => undefined });
    const error = await probe.roundTrip(20).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BrokerUnavailableError);
    expect(String(error)).toContain('a publication did not come back within 20 ms');
  });

  it('is not taken in by an answer that comes too late, nor by the publications of others', async () => {
    const published: Publication[] = [];
    const probe = new ProbeSubscription({
      subscribe: async () => {},
      publish: async (publication) => void published.push(publication),
    });
    await expect(probe.roundTrip(20)).rejects.toBeInstanceOf(BrokerUnavailableError);
    const again = expect(probe.roundTrip(200)).rejects.toBeInstanceOf(BrokerUnavailableError);
    const [late] = published;
    expect(late !== undefined && probe.takes(late)).toBe(true);
    expect(late !== undefined && probe.takes({ ...late, subscription: 'another' })).toBe(false);
    await again;
  });

  it('subscribes once, and again where that has failed', async () => {
    let attempts = 0;
    const probe: ProbeSubscription = new ProbeSubscription({
      subscribe: async () => {
        if (++attempts === 1) throw new BrokerUnavailableError('not yet');
      },
      publish: async (publication) => void setImmediate(() => probe.takes(publication)),
    });
    await expect(probe.roundTrip(20_000)).rejects.toThrow('not yet');
    await probe.roundTrip(20_000);
    await probe.roundTrip(20_000);
    expect(attempts).toBe(2);
  });
});
