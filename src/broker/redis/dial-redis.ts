import type { Redis } from 'ioredis';
import type { Log } from '../../lib/log.ts';
import type { Scripts } from './load-scripts.ts';
import type { RedisBrokerStats } from './redis-broker-stats.ts';
import { RedisUnavailableError, replyCode, type RedisTrouble } from './redis-command-errors.ts';
import { askServerFacts, connectRedis, destroyClient, type ServerFacts } from './redis-connect.ts';
import type { RedisAddress, RedisOptions } from './redis-options.ts';
import { addressLabel, type RedisSettings } from './redis-settings.ts';

/** What the connections of one broker have in common. */
export interface RedisLinkContext {
  readonly options: RedisOptions;
  readonly settings: RedisSettings;
  readonly scripts: Scripts;
  readonly isSharded: boolean;
  readonly stats: RedisBrokerStats;
  readonly log: Log;
}

/**
 * Connects to a primary and makes sure that it is one that we can work with.
 * @throws RedisUnavailableError, or as `connectRedis`
 */
export async function dialRedis(
  { settings, options, isSharded, scripts }: RedisLinkContext,
  address: RedisAddress,
  purpose: 'commands' | 'subscriber',
  signal: AbortSignal,
): Promise<Redis> {
  const client = await connectRedis({
    address,
    username: settings.username,
    password: settings.password,
    passwordFile: settings.passwordFile,
    tls: settings.tls,
    connectionName: `carillon-${process.pid}-${purpose}`,
    connectTimeoutMs: options.connectTimeoutMs,
    commandTimeoutMs: options.commandTimeoutMs,
    signal,
  });
  try {
    const problem = unsuitable(await askServerFacts(client), isSharded);
    if (problem !== undefined) {
      throw new RedisUnavailableError(problem.trouble, `Redis ${addressLabel(address)} ${problem.says}`);
    }
    if (purpose === 'commands') {
      if (!isSharded && settings.db !== 0) await selectDatabase(client, address, settings.db);
      await sendScripts(client, scripts);
      // From here on the time is kept by whoever asks, for all commands together.
      client.options.commandTimeout = undefined;
    }
    return client;
  } catch (error) {
    destroyClient(client);
    throw error;
  }
}

/** By ourselves: ioredis goes on in database 0 where Redis refuses the other one. */
async function selectDatabase(client: Redis, address: RedisAddress, db: number): Promise<void> {
  try {
    await client.call('SELECT', String(db));
  } catch (error) {
    if (replyCode(error) !== 'ERR') throw error;
    const says = `Redis ${addressLabel(address)} does not let us use redis.db ${db}: ${(error as Error).message}`;
    throw new RedisUnavailableError('unsuitable', says);
  }
}

/** Beforehand, so that none has to be sent again behind its successors. */
async function sendScripts(client: Redis, scripts: Scripts): Promise<void> {
  try {
    await Promise.all(Object.values(scripts).map(({ source }) => client.script('LOAD', source)));
  } catch (error) {
    // Then each is sent with its text when it is needed.
    if (replyCode(error) !== 'NOPERM') throw error;
  }
}

/** What keeps a server that answers from being used. */
function unsuitable(
  { role, version, mode }: ServerFacts,
  isSharded: boolean,
): { trouble: RedisTrouble; says: string } | undefined {
  if (mode === 'sentinel') {
    return { trouble: 'unsuitable', says: 'is a sentinel: it belongs to redis.sentinels.nodes' };
  }
  if (mode === 'cluster' && !isSharded) {
    return { trouble: 'unsuitable', says: 'is a node of a Redis Cluster: configure redis.cluster' };
  }
  if (mode === 'standalone' && isSharded) {
    return { trouble: 'unsuitable', says: 'is not a node of a Redis Cluster: configure redis.url' };
  }
  if (version !== undefined && Number.parseInt(version, 10) < 7) {
    return { trouble: 'unsuitable', says: `is of version ${version}; Redis 7.0 or later is needed` };
  }
  if (role === 'replica') {
    return { trouble: 'read-only', says: 'is read-only: it is a replica, not the primary' };
  }
  return undefined;
}
