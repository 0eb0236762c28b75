import type { Explanation } from './explain-issue.ts';
import { valueAt } from './path.ts';
import type { Problem } from './problem.ts';
import { describeFound } from './secrets.ts';

const anyAddress: readonly unknown[] = ['0.0.0.0', '::'];

/** The public and the operations port cannot be one, unless each is bound to an address of its own. */
export function checkPorts(about: Pick<Explanation, 'value' | 'originOf'>): readonly Problem[] {
  const { value } = about;
  const port = valueAt(value, ['port']) ?? 8080;
  const operationsPort = valueAt(value, ['operations', 'port']) ?? 9080;
  if (port !== operationsPort || port === 0) return [];
  const host = valueAt(value, ['host']) ?? '127.0.0.1';
  const operationsHost = valueAt(value, ['operations', 'host']) ?? '127.0.0.1';
  const overlap = host === operationsHost || anyAddress.includes(host) || anyAddress.includes(operationsHost);
  if (!overlap) return [];
  // Blame what was set, preferring the operations port where both were.
  const path = valueAt(value, ['operations', 'port']) === undefined ? ['port'] : ['operations', 'port'];
  const other = path[0] === 'port' ? 'operations.port' : 'port';
  return [
    {
      origin: about.originOf(path),
      path,
      found: `${describeFound(value, path)}, which is also ${other}`,
      expected: 'a port of its own, or 0 for a free one',
    },
  ];
}
