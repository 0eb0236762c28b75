import { quote } from '../lib/quote.ts';
import { isRecord, valueAt, type ConfigPath } from './path.ts';

export const mask = '********';

/** Settings of an `auth` section that may be shown; whatever else is there, known or not, may not. */
const publicAuthKeys: readonly unknown[] = ['type', 'realm', 'cookie'];

/** Whether the value at this path must never be shown: password hashes, token secrets, and what may have been meant as one. */
export function isSecret(path: ConfigPath): boolean {
  const auth = path[0] === 'apps' ? path.indexOf('auth') : -1;
  return auth >= 0 && !(path.length === auth + 2 && publicAuthKeys.includes(path[auth + 1]));
}

/** The same tree with secrets replaced by `mask`. */
export function maskSecrets(value: unknown, path: ConfigPath = []): unknown {
  if (Array.isArray(value)) return value.map((item, index) => maskSecrets(item, [...path, index]));
  if (isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, maskSecrets(child, [...path, key])]));
  }
  return value !== undefined && isSecret(path) ? mask : value;
}

/** What is at a path, as a phrase for a problem. */
export function describeFound(root: unknown, path: ConfigPath): string {
  const value = valueAt(root, path);
  if (value === undefined) return 'missing';
  if (value === null) return 'found nothing';
  if (Array.isArray(value)) return 'found a list';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'found an empty object' : 'found an object';
  if (isSecret(path)) return `found ${mask}`;
  if (typeof value === 'number' || typeof value === 'boolean') return `found ${value}`;
  if (typeof value !== 'string') return 'found something odd';
  // What should be a kind of auth and is no word may be a secret that slipped up a line.
  const isOddType = path.at(-2) === 'auth' && path.at(-1) === 'type' && !/^[\w-]{1,20}$/.test(value);
  return `found ${isOddType ? mask : quote(value)}`;
}
