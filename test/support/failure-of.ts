/** What `promise` rejects with, which has to be of `kind`. */
export async function failureOf<T extends Error>(
  promise: Promise<unknown>,
  kind: abstract new (...parameters: never[]) => T,
): Promise<T> {
  const outcome = await promise.then(
    () => 'fulfilled',
    (error: unknown) => error,
  );
  if (outcome instanceof kind) return outcome;
  throw new Error(`expected a rejection with ${kind.name}, got ${String(outcome)}`, { cause: outcome });
}
