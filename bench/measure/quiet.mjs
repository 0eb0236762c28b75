import { setTimeout as pause } from 'node:timers/promises';
import { measureTree } from './process-tree.mjs';

const lookEveryMs = 250;
/** In this time a server at rest uses less than this much of a core. */
const quietCpuSeconds = 0.03;
const mostLooks = 60;

/** Waits until the server has done what it was given: what follows an accepted connection is not over with the answer. */
export async function untilQuiet(pids) {
  let before = await measureTree(pids);
  for (let look = 0; look < mostLooks; look++) {
    await pause(lookEveryMs);
    const now = await measureTree(pids);
    if (now.cpuSeconds - before.cpuSeconds <= quietCpuSeconds) return now;
    before = now;
  }
  return before;
}
