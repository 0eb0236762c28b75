import { Histogram } from '../../metrics/histogram.ts';
import type { RedisTrouble } from './redis-command-errors.ts';

/** In seconds. */
const roundTripBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Counts since the start, and what is there now. Plain numbers that the metrics read when they are scraped. */
export class RedisBrokerStats {
  /** Servers whose round trip works, and those whose does not, now: one in all, in a cluster one per shard. */
  linksUp = 0;
  linksDown = 0;
  /** Connections made again after one was lost or given up. */
  commandReconnects = 0;
  subscriberReconnects = 0;
  /** Connections that we gave up, by what was wrong with them. */
  readonly replaced: Record<ReplacementReason, number> = {
    silent: 0,
    'read-only': 0,
    'subscribe-failed': 0,
    moved: 0,
  };
  /** Subscriber connections that Redis ended because we were too slow for them (client-output-buffer-limit pubsub). */
  slowConsumerDisconnects = 0;
  /** Names subscribed again after a loss, once per name and loss. */
  resubscribedNames = 0;
  /** Names that the broker is to be subscribed to, now. */
  subscriptions = 0;
  /** Those of them that Redis has not confirmed, or has dropped or forbidden since, now. */
  missingSubscriptions = 0;
  deliveries = 0;
  /** Payloads that were not what docs/redis-format.md says, and were skipped. */
  malformed = 0;
  publishesAccepted = 0;
  /** Publications that were rejected, by what was wrong. */
  readonly publishesRejected: Partial<Record<RedisTrouble, number>> = {};
  /** Publications that wait for Redis, now. */
  queuedPublications = 0;
  /** Bytes of their data, now. */
  queuedBytes = 0;
  /** Bytes of commands that Redis has not answered, now. */
  unansweredBytes = 0;
  /** Round trips of the commands that were answered, in seconds. */
  readonly commandSeconds: Histogram = new Histogram(roundTripBounds);
  /** Round trips of the probe that came back, in seconds. */
  readonly probeSeconds: Histogram = new Histogram(roundTripBounds);
  probesFailed = 0;
}

export type ReplacementReason = 'silent' | 'read-only' | 'subscribe-failed' | 'moved';
