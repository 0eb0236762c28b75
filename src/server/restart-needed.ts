import { isDeepStrictEqual } from 'node:util';
import type { RedisOptions } from '../broker/redis/redis-options.ts';
import { redisSettings } from '../broker/redis/redis-settings.ts';
import type { Config } from '../config/config.ts';

/** What the primary has done with them cannot be done again while it runs. */
const fixed: readonly (readonly [setting: string, of: (config: Config) => unknown])[] = [
  ['host', ({ host }) => host],
  ['port', ({ port }) => port],
  ['node', ({ node }) => node],
  ['workers', ({ workers }) => workers],
  ['operations', ({ operations }) => operations],
  ['tls', ({ tls }) => tls],
  ['log.directory', ({ log }) => log.directory],
  // While workers are replaced some have the old and some the new one, and all of them must hear each other.
  ['redis', ({ redis }) => redis && placeOf(redis)],
];

/** Settings that differ and that cannot change while the node runs; of `redis` where it is, not how one logs in. */
export function restartNeeded(before: Config, after: Config): readonly string[] {
  return fixed.filter(([, of]) => !isDeepStrictEqual(of(before), of(after))).map(([setting]) => setting);
}

/** What says which Redis it is, and which channels and keys there. */
function placeOf(options: RedisOptions): object {
  const { sentinels, cluster, channelPrefix, keyPrefix } = options;
  const { address, db } = redisSettings(options);
  const where = sentinels !== undefined ? { name: sentinels.name, nodes: sentinels.nodes } : (cluster ?? address);
  return { where, db, channelPrefix, keyPrefix };
}
