import type { Config } from '../config/config.ts';
import type { StepDeadlines } from './lifecycle.ts';

/** How long each step of a worker's column may take. Its connections get their farewell within `closeTimeoutMs`. */
export function workerDeadlines({
  closeTimeoutMs,
}: Pick<Config, 'closeTimeoutMs'>): Readonly<
  Record<'logs' | 'reports' | 'server' | 'gateway' | 'apps' | 'accepting', StepDeadlines>
> {
  return {
    logs: { startMs: 5_000, stopMs: 1_000 },
    reports: { startMs: 1_000, stopMs: 1_000 },
    server: { startMs: 5_000, stopMs: 2_000 },
    gateway: { startMs: 10_000, stopMs: closeTimeoutMs + 2_000 },
    apps: { startMs: 20_000, stopMs: 5_000 },
    accepting: { startMs: 1_000, stopMs: 1_000 },
  };
}

/** After this time a worker that was asked to stop is killed: its own deadlines together, and a little. */
export function workerStopMs(config: Pick<Config, 'closeTimeoutMs'>): number {
  return Object.values(workerDeadlines(config)).reduce((sum, { stopMs }) => sum + stopMs, 1_000);
}
