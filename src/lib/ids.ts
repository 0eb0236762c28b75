import { randomBytes } from 'node:crypto';

/**
 * Makes ids that are unique in a cluster: 72 random bits per generator, then a counter in base 36.
 * One generator serves one process; ids are not secrets.
 */
export function idGenerator(): () => string {
  const prefix = `${randomBytes(9).toString('base64url')}.`;
  let count = 0;
  // `join` makes one flat string; V8 keeps what is concatenated as a tree, three times as large, as long as it lives.
  return () => [prefix, (count++).toString(36)].join('');
}
