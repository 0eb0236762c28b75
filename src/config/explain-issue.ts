import type { z } from 'zod';
import { nearMiss } from '../lib/near-miss.ts';
import { quote } from '../lib/quote.ts';
import { nearestUrl } from './app-url.ts';
import { schemaAt, type SchemaNode } from './json-schema.ts';
import { originOf } from './origin-header.ts';
import { formatPath, valueAt, type ConfigPath } from './path.ts';
import type { Origin, Problem } from './problem.ts';
import { nearestRedisUrl } from './redis-url.ts';
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
      return issue.errors.length === 0 ? [wrongVariant(path, about)] : noneOfUnion(issue, path, about);
    case 'invalid_key':
      return [wrongKey(path, issue.issues[0]?.message ?? 'another key', about)];
    default:
      return [wrongValue(path, issue.message, about)];
  }
}

/** Of a value that may be an object or something short: an object is told what is wrong within it. */
function noneOfUnion(issue: z.core.$ZodIssueInvalidUnion, path: ConfigPath, about: Explanation): readonly Problem[] {
  const isWithin = (inner: z.core.$ZodIssue): boolean => inner.path.length > 0 || inner.code === 'unrecognized_keys';
  const meant = issue.errors.find((branch) => branch.length > 0 && branch.every(isWithin));
  if (meant === undefined) return [wrongValue(path, issue.message, about)];
  return meant.flatMap((inner) => explainIssue({ ...inner, path: [...path, ...inner.path] }, about));
}

function wrongValue(path: ConfigPath, expected: string, about: Explanation): Problem {
  const value = valueAt(about.value, path);
  const suggestion = typeof value === 'string' && !isSecret(path) ? suggestValue(path, value, about) : undefined;
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

function suggestValue(path: ConfigPath, value: string, about: Explanation): string | undefined {
  if (path.at(-2) === 'urls') return nearestUrl(value);
  if (path.at(-2) === 'origins') return originOf(value);
  if (path.at(-1) === 'host') return /^\[(.+)\]$/.exec(value)?.[1];
  if (path[0] === 'redis' && path.at(-1) === 'url') return nearestRedisUrl(value);
  if (path[0] === 'redis' && typeof path.at(-1) === 'number') return nearestRedisUrl(value)?.replace(/^\w+:\/\//, '');
  const choices = schemaAt(about.schema, about.value, path)?.enum;
  return choices && nearMiss(value, choices);
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
  const elsewhere = namesakes.find((setting) => setting.path[0] !== 'apps' && !isOtherRedis(setting.path, path));
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

/** What Redis needs (a password, a port, …) is also looked for in other sections, by people who do not mean Redis. */
function isOtherRedis(setting: ConfigPath, path: ConfigPath): boolean {
  return setting[0] === 'redis' && path[0] !== 'redis' && path.length > 1;
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(', ')}`;
}
