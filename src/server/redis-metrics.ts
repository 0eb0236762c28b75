import type { RedisBrokerStats } from '../broker/redis/redis-broker-stats.ts';
import { counter, counters, gauge, gauges, histogram, type Metric } from '../metrics/metric.ts';

/** What a worker's Redis broker counts. */
export const redisMetrics: readonly Metric<RedisBrokerStats>[] = [
  gauges(
    'carillon_redis_servers',
    'Redis servers by whether the last probe came back through them; one per worker, in a cluster one per worker and shard.',
    {
      labels: ['state'],
      read: (stats) => [
        ['up', stats.linksUp],
        ['down', stats.linksDown],
      ],
    },
  ),
  counters(
    'carillon_redis_reconnects_total',
    'Connections to Redis that were made again after one was lost or given up.',
    {
      labels: ['connection'],
      read: (stats) => [
        ['command', stats.commandReconnects],
        ['subscriber', stats.subscriberReconnects],
      ],
    },
  ),
  counters(
    'carillon_redis_replaced_total',
    'Connections to Redis that were given up although they were open, by what was wrong.',
    { labels: ['reason'], read: (stats) => Object.entries(stats.replaced) },
  ),
  counter(
    'carillon_redis_slow_consumer_disconnects_total',
    'Subscriber connections that Redis ended because the worker did not read fast enough (client-output-buffer-limit pubsub).',
    (stats) => stats.slowConsumerDisconnects,
  ),
  counter(
    'carillon_redis_resubscribed_total',
    'Names subscribed again after a loss, once per name and loss.',
    (stats) => stats.resubscribedNames,
  ),
  gauge(
    'carillon_redis_subscriptions',
    'Names that workers are subscribed to at Redis.',
    (stats) => stats.subscriptions,
  ),
  gauge(
    'carillon_redis_missing_subscriptions',
    'Those of them that Redis has not confirmed, or has dropped or forbidden since.',
    (stats) => stats.missingSubscriptions,
  ),
  counter(
    'carillon_redis_deliveries_total',
    'Publications and presence events received from Redis.',
    (stats) => stats.deliveries,
  ),
  counter(
    'carillon_redis_malformed_total',
    'Payloads from Redis that were skipped because they are not in the format of docs/redis-format.md.',
    (stats) => stats.malformed,
  ),
  counter(
    'carillon_redis_publishes_accepted_total',
    'Publications that Redis accepted.',
    (stats) => stats.publishesAccepted,
  ),
  counters(
    'carillon_redis_publishes_rejected_total',
    'Publications that were rejected, by what was wrong with Redis.',
    { labels: ['trouble'], read: (stats) => Object.entries(stats.publishesRejected) },
  ),
  gauge(
    'carillon_redis_queued_publications',
    'Publications that wait for Redis (redis.publishQueue).',
    (stats) => stats.queuedPublications,
  ),
  gauge(
    'carillon_redis_queued_bytes',
    'Bytes of the publications that wait for Redis (redis.publishQueue).',
    (stats) => stats.queuedBytes,
  ),
  gauge(
    'carillon_redis_unanswered_bytes',
    'Bytes of commands that Redis has not answered.',
    (stats) => stats.unansweredBytes,
  ),
  histogram(
    'carillon_redis_command_seconds',
    'Round trips of the commands that Redis answered, from sending to the answer.',
    (stats) => stats.commandSeconds,
  ),
  histogram(
    'carillon_redis_probe_seconds',
    "Round trips of the broker's probe through Redis, from publishing to receiving.",
    (stats) => stats.probeSeconds,
  ),
  counter(
    'carillon_redis_probes_failed_total',
    'Probes that did not come back, or were refused.',
    (stats) => stats.probesFailed,
  ),
];
