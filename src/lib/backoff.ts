/** Bounds of an exponential backoff, in milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first delay. */
  readonly baseMs: number;
  /** Upper bound of every delay. */
  readonly capMs: number;
}

/**
 * Full-jitter exponential backoff: a delay drawn evenly from 0 to min(cap, base × 2^attempt).
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
 * @param attempt 0 for the first retry
 */
export function fullJitterDelayMs(
  attempt: number,
  { baseMs, capMs }: BackoffOptions,
  random: () => number = Math.random,
): number {
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 52)));
}
