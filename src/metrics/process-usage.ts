/** Kind → bytes, of this process. */
export function memoryUsage(): readonly (readonly [string, number])[] {
  const { rss, heapUsed, external } = process.memoryUsage();
  return [
    ['resident', rss],
    ['heap', heapUsed],
    ['external', external],
  ];
}

/** Mode → seconds since the process began. */
export function cpuSeconds(): readonly (readonly [string, number])[] {
  const { user, system } = process.cpuUsage();
  return [
    ['user', user / 1e6],
    ['system', system / 1e6],
  ];
}
