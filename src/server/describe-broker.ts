import type { RedisOptions } from '../broker/redis/redis-options.ts';
import { addressLabel, redisSettings } from '../broker/redis/redis-settings.ts';

/** What carries publications, and where it is, for a person who reads the welcome; never a password. */
export function describeBroker(redis: RedisOptions | undefined, workers: number): string {
  if (redis === undefined) return `embedded, this ${workers === 0 ? 'process' : 'node'} alone`;
  const { address, tls } = redisSettings(redis);
  const { cluster, sentinels } = redis;
  const secured = tls === undefined ? '' : ', TLS';
  if (cluster !== undefined) return `Redis Cluster at ${cluster.map(addressLabel).join(', ')}${secured}`;
  if (sentinels !== undefined) {
    const known = sentinels.nodes.map(addressLabel).join(', ');
    return `Redis ${JSON.stringify(sentinels.name)} of the sentinels at ${known}${secured}`;
  }
  return `Redis at ${addressLabel(address)}${secured}`;
}
