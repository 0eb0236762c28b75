/** Per generator process: its share of a core, and the share of the time in which its event loop had something to do. */
export function generatorShare(before, after, seconds) {
  return before.map((earlier, i) => {
    const later = after[i];
    const active = later.activeMs - earlier.activeMs;
    const idle = later.idleMs - earlier.idleMs;
    return {
      cores: (later.cpuSeconds - earlier.cpuSeconds) / seconds,
      busy: active / (active + idle),
    };
  });
}
