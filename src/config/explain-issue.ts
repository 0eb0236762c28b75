import type { z } from 'zod';
import { nearMiss } from '../lib/near-miss.ts';
import { quote } from '../lib/quote.ts';
import { nearestUrl } from './app-url.ts';
import { schemaAt, type SchemaNode } from './json-schema.ts';
import { originOf } from './origin-header.ts';
import { formatPath, valueAt, type ConfigPath } from './path.ts';
import type { Origin, Problem } from './problem.ts';
import { describeFound, isSecret, mask } from './secrets.ts';
import type { Setting } from './settings.ts';

export interface Explanation {
  /** What was validated. */
  readonly value: unknown;
  readonly schema: SchemaNode;
  readonly settings: readonly Setting[];
  /** Where the value at a path, or its key, came from. */
  originOf(path: ConfigPath, at?: 'key' | 'value'): Origin;
}

/** Turns what the schema found into problems: one per unknown key, one per wrong value. */
export function explainIssue(issue: z.core.$ZodIssue, about: Explanation): readonly Problem[] {
  const path = issue.path.map((segment) => (typeof segment === 'number' ? segment : String(segment)));
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey([...path, key], about));
    case 'invalid_union':
      return [wrongVariant(path, about)];
    case 'invalid_key':
      return [wrongKey(path, issue.issues[0]?.message ?? 'another key', about)];
    default:
      return [wrongValue(path, issue.message, about)];
  }
}

function wrongValue(path: ConfigPath, expected: string, about: Explanation): Problem {
  const value = valueAt(about.value, path);
  const suggestion = typeof value === 'string' && !isSecret(path) ? suggestValue(path, value) : undefined;
  // `{alice password}` lacks its colon, so all of it is a user's name, and the password missing.
  const isNameOnly = value === null && path.at(-2) === 'users' && isSecret(path);
  return {
    origin: about.originOf(path),
    path: isNameOnly ? masked(path) : path,
    found: describeFound(about.value, path),
    expected,
    ...(suggestion !== undefined && { suggestion: quote(suggestion) }),
  };
}

function suggestValue(path: ConfigPath, value: string): string | undefined {
  if (path.at(-2) === 'urls') return nearestUrl(value);
  if (path.at(-2) === 'origins') return originOf(value);
  if (path.at(-1) === 'host') return /^\[(.+)\]$/.exec(value)?.[1];
  return undefined;
}

/** @param path that of the `type` which names no variant */
function wrongVariant(path: ConfigPath, about: Explanation): Problem {
  const setting = about.settings.find((candidate) => candidate.path.join('.') === path.join('.'));
  const values = setting?.values ?? [];
  const found = valueAt(about.value, path);
  const suggestion = typeof found === 'string' ? nearMiss(found, values) : undefined;
  return {
    origin: about.originOf(path),
    path,
    found: describeFound(about.value, path),
    expected: oneOf(values),
    ...(suggestion !== undefined && { suggestion: quote(suggestion) }),
  };
}

function wrongKey(path: ConfigPath, expected: string, about: Explanation): Problem {
  const shown = isSecret(path) ? masked(path) : path;
  const found = `found ${quote(String(shown.at(-1)))} as a key`;
  return { origin: about.originOf(path, 'key'), path: shown, found, expected };
}

/** Without its key: in `{alice:password}` the colon lacks its space, so that the key holds a secret. */
function masked(path: ConfigPath): ConfigPath {
  return [...path.slice(0, -1), mask];
}

function unknownKey(path: ConfigPath, about: Explanation): Problem {
  const key = String(path.at(-1));
  const known = Object.keys(schemaAt(about.schema, about.value, path.slice(0, -1))?.properties ?? {}).filter(
    (name) => name !== '$schema',
  );
  const sibling = nearMiss(key, known);
  // Not misspelt, but perhaps misplaced. (Apps have much in common, so that theirs would be a guess.)
  const namesakes = about.settings.filter((setting) => setting.path.at(-1) === key);
  const elsewhere = namesakes.find((setting) => setting.path[0] !== 'apps');
  const suggestion = sibling ?? (elsewhere && formatPath(elsewhere.path));
  const mayBeShown = !isSecret(path) || suggestion !== undefined || namesakes.length > 0;
  return {
    origin: about.originOf(path, 'key'),
    path: mayBeShown ? path : masked(path),
    found: 'unknown key',
    expected: oneOf(known),
    ...(suggestion !== undefined && { suggestion: quote(suggestion) }),
  };
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(', ')}`;
}
