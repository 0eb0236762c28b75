import { existsSync } from 'node:fs';
import type { RedisOptions, RedisSentinelOptions } from '../broker/redis/redis-options.ts';
import { quote } from '../lib/quote.ts';
import { isRecord, valueAt, type ConfigPath } from './path.ts';

export const mask = '********';

/** Settings of an `auth` section that may be shown; whatever else is there, known or not, may not. */
const publicAuthKeys: readonly unknown[] = ['type', 'realm', 'cookie', 'secretFile'];

/** Which settings of the `redis` section may be shown; in the URL its password is masked. */
const redisPublic: Readonly<Record<keyof RedisOptions, boolean>> = {
  url: true,
  host: true,
  port: true,
  username: true,
  password: false,
  passwordFile: true,
  db: true,
  tls: true,
  sentinels: true,
  cluster: true,
  channelPrefix: true,
  keyPrefix: true,
  connectTimeoutMs: true,
  commandTimeoutMs: true,
  detectionMs: true,
  publishQueue: true,
  presenceTtl: true,
};
const sentinelsPublic: Readonly<Record<keyof RedisSentinelOptions, boolean>> = {
  name: true,
  nodes: true,
  username: true,
  password: false,
  passwordFile: true,
  tls: true,
};

/** Whether the value at this path must never be shown: passwords, their hashes, token secrets, and what may have been meant as one. */
export function isSecret(path: ConfigPath): boolean {
  const [section, key, inner] = path;
  if (section === 'redis' && key !== undefined) {
    return (
      !isAmong(redisPublic, key) || (key === 'sentinels' && inner !== undefined && !isAmong(sentinelsPublic, inner))
    );
  }
  const auth = section === 'apps' ? path.indexOf('auth') : -1;
  return auth >= 0 && !(path.length === auth + 2 && publicAuthKeys.includes(path[auth + 1]));
}

function isAmong(keys: Readonly<Record<string, boolean>>, key: string | number): boolean {
  return Object.hasOwn(keys, key) && keys[key] === true;
}

const host = String.raw`(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])`;
const plainUrl = new RegExp(String.raw`^[a-z][a-z0-9+.-]{0,20}://${host}?(?::\d{1,5})?(?:/[A-Za-z0-9]{0,10})?$`, 'i');
const urlWithUser = new RegExp(
  String.raw`^(rediss?://)(?:([\w.-]{0,64}):)?[^/?#]*@(${host}(?::\d{1,5})?(?:/\d{0,9})?)$`,
  'i',
);

/**
 * What is or should be a URL of Redis, as it may be shown: without its password. One that is broken is not shown at
 * all, since nobody can tell where in it the password is.
 */
function withoutPassword(url: string): string {
  const [, scheme, user, rest] = urlWithUser.exec(url) ?? [];
  if (scheme !== undefined) return `${scheme}${user === undefined ? '' : `${user}:`}${mask}@${rest}`;
  return /@|\/\//.test(url) && !plainUrl.test(url) ? mask : url;
}

/** The same tree with secrets replaced by `mask`. */
export function maskSecrets(value: unknown, path: ConfigPath = []): unknown {
  if (Array.isArray(value)) return value.map((item, index) => maskSecrets(item, [...path, index]));
  if (isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, maskSecrets(child, [...path, key])]));
  }
  if (path[0] === 'redis' && path[1] === 'url' && typeof value === 'string') return withoutPassword(value);
  return value !== undefined && isSecret(path) ? mask : value;
}

/** What is at a path, as a phrase for a problem. */
export function describeFound(root: unknown, path: ConfigPath): string {
  const value = valueAt(root, path);
  if (value === undefined) return 'missing';
  if (value === null) return 'found nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'found an empty list' : 'found a list';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'found an empty object' : 'found an object';
  if (isSecret(path)) return `found ${mask}`;
  if (typeof value === 'number' || typeof value === 'boolean') return `found ${value}`;
  if (typeof value !== 'string') return 'found something odd';
  // What should be the path of a secret's file may be the secret itself.
  if (/^\w+File$/.test(String(path.at(-1))) && !isSurelyPath(value)) return `found ${mask}`;
  // People put the URL anywhere in this section; below `tls` are files.
  if (path[0] === 'redis' && path.at(-2) !== 'tls') {
    const shown = withoutPassword(value);
    return `found ${shown === mask ? mask : quote(shown)}`;
  }
  // What should be a kind of auth and is no word may be a secret that slipped up a line.
  const isOddType = path.at(-2) === 'auth' && path.at(-1) === 'type' && !/^[\w-]{1,20}$/.test(value);
  return `found ${isOddType ? mask : quote(value)}`;
}

/**
 * Whether this can be no secret. A slash does not tell, since base64 has some, even in front: only a dotted beginning
 * does, or an absolute path whose first folder is there.
 */
function isSurelyPath(value: string): boolean {
  if (/^\.{1,2}[/\\]/.test(value)) return true;
  const [topFolder] = /^(?:\/|[a-z]:[/\\])[^/\\]+[/\\]/i.exec(value) ?? [];
  return topFolder !== undefined && existsSync(topFolder);
}
