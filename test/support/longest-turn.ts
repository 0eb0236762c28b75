export interface TurnWatch extends Disposable {
  /** The most CPU time that this process has used within one turn of the event loop, in milliseconds. */
  readonly longestMs: number;
}

/** Watches every turn. CPU time rather than the clock: on a shared machine others may run in the middle of a turn. */
export function watchTurns(): TurnWatch {
  let longestMs = 0;
  let before = process.cpuUsage();
  let next = setImmediate(function turn() {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    longestMs = Math.max(longestMs, (user + system) / 1_000);
    next = setImmediate(turn);
  });
  return {
    get longestMs() {
      return longestMs;
    },
    [Symbol.dispose]() {
      clearImmediate(next);
    },
  };
}
