/** Several starts at once: all have started, or those that have are stopped again and the first failure is thrown. */
export async function startAll<T extends AsyncDisposable>(starts: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(starts);
  const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return started;
  await stopAll(started);
  throw failed.reason;
}

/** The last one first. */
export async function stopAll(started: readonly AsyncDisposable[]): Promise<void> {
  for (const one of started.toReversed()) await one[Symbol.asyncDispose]();
}
