/** Passes on at most one call in this many milliseconds, the first at once; for failures that come in floods. */
export function seldom<Args extends unknown[]>(everyMs: number, act: (...args: Args) => void): (...args: Args) => void {
  let lastMs = -Infinity;
  return (...args) => {
    const nowMs = performance.now();
    if (nowMs - lastMs < everyMs) return;
    lastMs = nowMs;
    act(...args);
  };
}
