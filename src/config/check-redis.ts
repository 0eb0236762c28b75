import { defaultRedisOptions } from '../broker/redis/redis-options.ts';
import { addressLabel } from '../broker/redis/redis-settings.ts';
import type { Explanation } from './explain-issue.ts';
import { parseAddress } from './host-address.ts';
import { formatPath, isRecord, valueAt, type ConfigPath } from './path.ts';
import { formatOrigin, type Problem } from './problem.ts';
import { hasPassword } from './redis-url.ts';
import { redisPort, sentinelPort } from './schema-redis.ts';
import { describeFound } from './secrets.ts';

type About = Pick<Explanation, 'value' | 'originOf'>;

/** Finds settings of Redis that are right by themselves and not together. */
export function checkRedis(about: About): readonly Problem[] {
  const redis = valueAt(about.value, ['redis']);
  if (!isRecord(redis)) return [];
  return [
    ...severalPlaces(redis, about),
    ...databaseOfCluster(redis, about),
    ...userWithoutPassword(['redis'], about),
    ...userWithoutPassword(['redis', 'sentinels'], about),
    ...answersAfterDetection(redis, about),
    ...seedsTwice(['redis', 'cluster'], redisPort, about),
    ...seedsTwice(['redis', 'sentinels', 'nodes'], sentinelPort, about),
  ];
}

/** Ways to say where Redis is; `host` and `port` are one. */
const places: readonly (readonly string[])[] = [['url'], ['host', 'port'], ['sentinels'], ['cluster']];

/** Which of two places would win, nobody could guess. */
function severalPlaces(redis: Readonly<Record<string, unknown>>, about: About): readonly Problem[] {
  const given = places.map((keys) => keys.filter((key) => redis[key] !== undefined)).filter((keys) => keys.length > 0);
  const [[first = ''] = [], ...others] = given;
  return others.flat().map((key) => {
    const firstOrigin = about.originOf(['redis', first]);
    const from = firstOrigin.kind === 'variable' ? ` (${formatOrigin(firstOrigin)})` : '';
    const fault = `besides redis.${first}${from}`;
    return problem(['redis', key], fault, 'one place only: url, host and port, sentinels, or cluster', about);
  });
}

function databaseOfCluster(redis: Readonly<Record<string, unknown>>, about: About): readonly Problem[] {
  if (redis['cluster'] === undefined || typeof redis['db'] !== 'number' || redis['db'] === 0) return [];
  return [problem(['redis', 'db'], 'besides redis.cluster', 'none, as a Redis Cluster has only database 0', about)];
}

function userWithoutPassword(section: ConfigPath, about: About): readonly Problem[] {
  const path = [...section, 'username'];
  const username = valueAt(about.value, path);
  if (typeof username !== 'string' || username === '') return [];
  if (['password', 'passwordFile'].some((key) => valueAt(about.value, [...section, key]) !== undefined)) return [];
  const url = valueAt(about.value, [...section, 'url']);
  if (typeof url === 'string' && hasPassword(url)) return [];
  return [problem(path, 'which has no password', `${formatPath([...section, 'password'])} as well`, about)];
}

/** Redis would be given up while its answer may still be waited for. */
function answersAfterDetection(redis: Readonly<Record<string, unknown>>, about: About): readonly Problem[] {
  const { commandTimeoutMs, detectionMs = defaultRedisOptions.detectionMs } = redis;
  if (typeof commandTimeoutMs !== 'number' || typeof detectionMs !== 'number') return [];
  if (commandTimeoutMs <= detectionMs) return [];
  const shown = `${redis['detectionMs'] === undefined ? 'by default ' : ''}${detectionMs}`;
  const path = ['redis', 'commandTimeoutMs'];
  return [problem(path, `more than redis.detectionMs (${shown})`, `at most ${detectionMs} (milliseconds)`, about)];
}

function seedsTwice(list: ConfigPath, defaultPort: number, about: About): readonly Problem[] {
  const seeds = valueAt(about.value, list);
  if (!Array.isArray(seeds)) return [];
  const holders = new Map<string, string>();
  return seeds.flatMap((seed: unknown, index) => {
    const address = addressOf(seed, defaultPort);
    if (address === undefined) return [];
    const path = [...list, index];
    const holder = holders.get(address);
    if (holder !== undefined) return [problem(path, `which is also ${holder}`, 'each node once', about)];
    holders.set(address, formatPath(path));
    return [];
  });
}

function addressOf(seed: unknown, defaultPort: number): string | undefined {
  const { host, port = defaultPort } =
    typeof seed === 'string' ? (parseAddress(seed) ?? {}) : isRecord(seed) ? seed : {};
  return typeof host === 'string' && typeof port === 'number'
    ? addressLabel({ host: host.toLowerCase(), port })
    : undefined;
}

function problem(path: ConfigPath, fault: string, expected: string, about: About): Problem {
  const separator = fault.startsWith('besides') ? ' ' : ', ';
  const found = `${describeFound(about.value, path)}${separator}${fault}`;
  return { origin: about.originOf(path), path, found, expected };
}
