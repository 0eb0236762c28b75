import type { Broker } from '../broker/broker.ts';
import { RedisBroker } from '../broker/redis/redis-broker.ts';
import type { RedisOptions } from '../broker/redis/redis-options.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { redisMetrics } from './redis-metrics.ts';

/** A worker's Redis broker, whose counts are among the worker's metrics. */
export function makeRedisBroker(redis: RedisOptions, log: Log, metrics: Metrics): Broker {
  const broker = new RedisBroker(redis, { log });
  metrics.add(redisMetrics, broker.stats);
  return broker;
}
