import type { Registry } from 'prom-client';
import type { RedisBrokerStats } from '../broker/redis/redis-broker-stats.ts';
import { readCounter, readCounters, readGauge, readGauges, readHistogram } from '../metrics/read-metrics.ts';

/** Adds what a worker's Redis broker counts to its metrics. */
export function redisMetrics(registry: Registry, stats: RedisBrokerStats): void {
  readGauges(
    registry,
    {
      name: 'carillon_redis_servers',
      help: 'Redis servers by whether the last probe came back through them; one per worker, in a cluster one per worker and shard.',
      label: 'state',
    },
    () => [
      ['up', stats.linksUp],
      ['down', stats.linksDown],
    ],
  );
  readCounters(
    registry,
    {
      name: 'carillon_redis_reconnects_total',
      help: 'Connections to Redis that were made again after one was lost or given up.',
      label: 'connection',
    },
    () => [
      ['command', stats.commandReconnects],
      ['subscriber', stats.subscriberReconnects],
    ],
  );
  readCounters(
    registry,
    {
      name: 'carillon_redis_replaced_total',
      help: 'Connections to Redis that were given up although they were open, by what was wrong.',
      label: 'reason',
    },
    () => Object.entries(stats.replaced),
  );
  readCounter(
    registry,
    {
      name: 'carillon_redis_slow_consumer_disconnects_total',
      help: 'Subscriber connections that Redis ended because the worker did not read fast enough (client-output-buffer-limit pubsub).',
    },
    () => stats.slowConsumerDisconnects,
  );
  readCounter(
    registry,
    {
      name: 'carillon_redis_resubscribed_total',
      help: 'Names subscribed again after a loss, once per name and loss.',
    },
    () => stats.resubscribedNames,
  );
  readGauge(
    registry,
    { name: 'carillon_redis_subscriptions', help: 'Names that workers are subscribed to at Redis.' },
    () => stats.subscriptions,
  );
  readGauge(
    registry,
    {
      name: 'carillon_redis_missing_subscriptions',
      help: 'Those of them that Redis has not confirmed, or has dropped or forbidden since.',
    },
    () => stats.missingSubscriptions,
  );
  readCounter(
    registry,
    { name: 'carillon_redis_deliveries_total', help: 'Publications and presence events received from Redis.' },
    () => stats.deliveries,
  );
  readCounter(
    registry,
    {
      name: 'carillon_redis_malformed_total',
      help: 'Payloads from Redis that were skipped because they are not in the format of docs/redis-format.md.',
    },
    () => stats.malformed,
  );
  readCounter(
    registry,
    { name: 'carillon_redis_publishes_accepted_total', help: 'Publications that Redis accepted.' },
    () => stats.publishesAccepted,
  );
  readCounters(
    registry,
    {
      name: 'carillon_redis_publishes_rejected_total',
      help: 'Publications that were rejected, by what was wrong with Redis.',
      label: 'trouble',
    },
    () => Object.entries(stats.publishesRejected),
  );
  readGauge(
    registry,
    { name: 'carillon_redis_queued_publications', help: 'Publications that wait for Redis (redis.publishQueue).' },
    () => stats.queuedPublications,
  );
  readGauge(
    registry,
    {
      name: 'carillon_redis_queued_bytes',
      help: 'Bytes of the publications that wait for Redis (redis.publishQueue).',
    },
    () => stats.queuedBytes,
  );
  readGauge(
    registry,
    { name: 'carillon_redis_unanswered_bytes', help: 'Bytes of commands that Redis has not answered.' },
    () => stats.unansweredBytes,
  );
  readHistogram(
    registry,
    {
      name: 'carillon_redis_probe_seconds',
      help: "Round trips of the broker's probe through Redis, from publishing to receiving.",
    },
    () => stats.probeSeconds,
  );
  readCounter(
    registry,
    { name: 'carillon_redis_probes_failed_total', help: 'Probes that did not come back, or were refused.' },
    () => stats.probesFailed,
  );
}
