/**
 * How long a worker may say nothing. Workers report once a second, so one that does not is stuck or stopped. Counted
 * in ticks of the primary rather than by the clock: when the primary itself was stopped, or the whole machine, no
 * ticks went by and the workers have nothing to answer for.
 */
export interface SilenceLimits {
  /** Time between two ticks, in milliseconds. */
  readonly tickMs: number;
  /** From this many ticks on the worker does not count as serving. */
  readonly unwellTicks: number;
  /** After this many it is killed and replaced. */
  readonly killTicks: number;
}

export const silenceLimits: SilenceLimits = { tickMs: 1_000, unwellTicks: 5, killTicks: 30 };
