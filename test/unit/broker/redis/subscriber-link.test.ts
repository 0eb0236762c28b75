import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { HeldChannel } from '../../../../src/broker/redis/held-channel.ts';
import { RedisBrokerStats } from '../../../../src/broker/redis/redis-broker-stats.ts';
import { SubscriberLink } from '../../../../src/broker/redis/subscriber-link.ts';
import { until } from '../../../support/until.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

it('keeps nothing of who comes and goes while Redis is away', async () => {
  const nothing = (): void => {};
  const link = new SubscriberLink(
    {
      open: () => Promise.reject(new Error('away')),
      onReady: nothing,
      onLost: nothing,
      onFailed: nothing,
      onDropped: nothing,
      onMessage: nothing,
      onProbe: nothing,
      onProbeRefused: nothing,
      onLive: nothing,
      onRefused: nothing,
      onMoved: nothing,
      onUnusable: nothing,
    },
    { isSharded: false, probeChannel: undefined },
  );
  const stats = new RedisBrokerStats();
  const comeAndGo = (): WeakRef<HeldChannel> => {
    const held = new HeldChannel({ name: 'a', channel: 'a', slot: 0 }, stats);
    link.hold(held);
    held.leave();
    link.leave(held);
    return new WeakRef(held);
  };
  const gone = Array.from({ length: 100 }, comeAndGo);
  const kept = (): number => {
    collect();
    return gone.filter((held) => held.deref() !== undefined).length;
  };
  await until(() => kept() === 0, { what: 'they are forgotten' });
  expect(stats.missingSubscriptions).toBe(0);
  await link.close();
});
