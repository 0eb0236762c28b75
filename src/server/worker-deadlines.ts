import type { RedisOptions } from '../broker/redis/redis-options.ts';
import type { Config } from '../config/config.ts';
import type { StepDeadlines } from './lifecycle.ts';
import type { DrainWorker } from './worker-messages.ts';

/**
 * How long a leaving worker waits for the first request of a connection that it has accepted: long enough for a far client
 * and its TLS handshake, and not for a browser's spare connection.
 */
export const firstRequestMs = 3_000;

type Timeouts = Pick<Config, 'closeTimeoutMs' | 'redis'>;

/**
 * How long each step of a worker's column may take. Its connections get their farewell within `closeTimeoutMs`, and
 * Redis has its own time to answer, so that what is wrong with it is told and not that a step took too long.
 */
export function workerDeadlines({
  closeTimeoutMs,
  redis,
}: Timeouts): Readonly<Record<'logs' | 'reports' | 'server' | 'gateway' | 'apps' | 'accepting', StepDeadlines>> {
  return {
    logs: { startMs: 5_000, stopMs: 1_000 },
    reports: { startMs: 1_000, stopMs: 1_000 },
    server: { startMs: 5_000, stopMs: 2_000 },
    gateway: {
      startMs: 10_000 + redisMs(redis),
      stopMs: closeTimeoutMs + 2_000 + (redis?.commandTimeoutMs ?? 0),
    },
    apps: { startMs: 20_000, stopMs: 5_000 },
    accepting: { startMs: 1_000, stopMs: 1_000 },
  };
}

/** After this time a worker that was asked to stop is killed: its own deadlines together, and a little. */
export function workerStopMs(config: Timeouts): number {
  return Object.values(workerDeadlines(config)).reduce((sum, { stopMs }) => sum + stopMs, 1_000);
}

/** After this time a worker that was asked to drain is killed. */
export function workerDrainMs(
  config: Timeouts,
  { delayMs, periodMs }: Pick<DrainWorker, 'delayMs' | 'periodMs'>,
): number {
  return delayMs + Math.max(periodMs, firstRequestMs) + workerStopMs(config);
}

/** How long the workers of the node may take until all of them listen. */
export function nodeStartMs({ redis }: Timeouts): number {
  return 60_000 + redisMs(redis);
}

/** To connect and to subscribe. */
function redisMs(redis: RedisOptions | undefined): number {
  return redis === undefined ? 0 : redis.connectTimeoutMs + 2 * redis.commandTimeoutMs;
}
