// Microseconds since a moment that all generator processes agree upon. CLOCK_MONOTONIC is one clock for all processes;
// performance.now() is that clock and allocates nothing, but counts from the process's own beginning.

export function monotonicMicroseconds() {
  return Number(process.hrtime.bigint() / 1000n);
}

/** @param since a value of `monotonicMicroseconds()`, in whichever process */
export function clockSince(since) {
  const offset = monotonicMicroseconds() - since - performance.now() * 1000;
  return () => Math.round(offset + performance.now() * 1000);
}
