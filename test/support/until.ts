/** Polls until `condition` holds and returns its value. The one place in the tests that waits by the clock. */
export async function until<T>(
  condition: () => T | Promise<T>,
  {
    deadlineMs = 10_000,
    everyMs = 10,
    what = condition.toString(),
  }: { deadlineMs?: number; everyMs?: number; what?: string } = {},
): Promise<Exclude<NonNullable<T>, false>> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value as Exclude<NonNullable<T>, false>;
    if (Date.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
