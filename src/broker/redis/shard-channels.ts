import type { Redis } from 'ioredis';

/**
 * Which channels of sharded pub/sub Redis holds for this connection, as ioredis has kept count. When a slot goes away
 * Redis says by a push of `sunsubscribe` which channels it dropped; ioredis takes them from its set and emits `moved`,
 * without saying which. So this file reads that set, and is the only one to look into ioredis.
 * @returns undefined where this ioredis keeps it elsewhere: then it is not known
 */
export function shardChannels(client: Redis): ((channel: string) => boolean) | undefined {
  const subscriber = fieldOf(fieldOf(client, 'condition'), 'subscriber');
  // Of a connection without any.
  if (subscriber === false) return () => false;
  const channels = fieldOf(fieldOf(subscriber, 'set'), 'ssubscribe');
  if (typeof channels !== 'object' || channels === null) return undefined;
  return (channel) => Object.hasOwn(channels, channel);
}

function fieldOf(owner: unknown, name: string): unknown {
  return typeof owner === 'object' && owner !== null ? (Reflect.get(owner, name) as unknown) : undefined;
}
