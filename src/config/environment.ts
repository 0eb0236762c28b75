import { nearMiss } from '../lib/near-miss.ts';
import type { Problem } from './problem.ts';
import type { Setting } from './settings.ts';

/** A value from outside the file, and where it goes. */
export interface Override {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly origin: { readonly kind: 'variable' | 'flag'; readonly name: string };
}

/** Names the file itself, so it is no setting. */
export const configVariable = 'CARILLON_CONFIG';

/** What the `CARILLON_*` variables set; an unknown one is a problem. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  settings: readonly Setting[],
): { overrides: readonly Override[]; problems: readonly Problem[] } {
  const byVariable = new Map(settings.flatMap((setting) => (setting.variable ? [[setting.variable, setting]] : [])));
  const overrides: Override[] = [];
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('CARILLON_') || name === configVariable || value === undefined) continue;
    if (isServiceLink(name, value)) continue;
    const setting = byVariable.get(name);
    const origin = { kind: 'variable', name } as const;
    if (setting === undefined) problems.push(unknownVariable(name, [...byVariable.keys(), configVariable]));
    else overrides.push({ path: setting.path, value: fromText(value, setting.type), origin });
  }
  return { overrides, problems };
}

/** What a text stands for; one that does not read as its type stays text, which validation then reports. */
export function fromText(value: string, type: string): unknown {
  if (type === 'integer' && /^-?\d{1,16}$/.test(value)) return Number(value);
  if (type === 'number' && /^-?\d{1,16}(?:\.\d{1,16})?$/.test(value)) return Number(value);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}

function unknownVariable(name: string, known: readonly string[]): Problem {
  const suggestion = nearMiss(name, known);
  return {
    origin: { kind: 'variable', name },
    path: [],
    found: 'unknown variable',
    expected: 'the variable of a setting, such as CARILLON_PORT',
    ...(suggestion !== undefined && { suggestion }),
  };
}

/**
 * Kubernetes tells every pod of every service in its namespace: one named "carillon" becomes `CARILLON_SERVICE_HOST`,
 * `CARILLON_PORT=tcp://…` and more. Nobody set those for us.
 * Source: kubernetes.io, "Service", discovering services, environment variables.
 */
function isServiceLink(name: string, value: string): boolean {
  return (
    /_SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/.test(name) ||
    (name.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(value))
  );
}
