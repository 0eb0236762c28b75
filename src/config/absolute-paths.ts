import { resolve } from 'node:path';
import type { RedisTlsOptions } from '../broker/redis/redis-options.ts';
import type { Config } from './config.ts';
import type { ConfigPath } from './path.ts';

/**
 * Workers, and whoever reads `print-config` elsewhere, must not depend on a working directory.
 * @param folderOf what a relative path at `path` is relative to
 */
export function withAbsolutePaths(config: Config, folderOf: (path: ConfigPath) => string): Config {
  const absolute = (path: ConfigPath, file: string): string => resolve(folderOf(path), file);
  const { tls, log, redis, apps } = config;
  const logView = apps['log-view'];
  const logs = Object.entries(logView?.logs ?? {});
  return {
    ...config,
    ...(tls && { tls: { cert: absolute(['tls', 'cert'], tls.cert), key: absolute(['tls', 'key'], tls.key) } }),
    log: { ...log, directory: log.directory === '-' ? '-' : absolute(['log', 'directory'], log.directory) },
    ...(redis && { redis: withAbsoluteTls(redis) }),
    apps: {
      ...apps,
      ...(logView && {
        'log-view': {
          ...logView,
          logs: Object.fromEntries(
            logs.map(([name, file]) => [name, absolute(['apps', 'log-view', 'logs', name], file)]),
          ),
        },
      }),
    },
  };

  function withAbsoluteTls(options: NonNullable<Config['redis']>): NonNullable<Config['redis']> {
    const { tls: toRedis, sentinels } = options;
    const toSentinels = sentinels?.tls;
    return {
      ...options,
      ...(toRedis && { tls: absoluteTls(['redis', 'tls'], toRedis) }),
      ...(toSentinels && {
        sentinels: { ...sentinels, tls: absoluteTls(['redis', 'sentinels', 'tls'], toSentinels) },
      }),
    };
  }

  function absoluteTls(path: ConfigPath, { ca, cert, key, ...rest }: RedisTlsOptions): RedisTlsOptions {
    return {
      ...rest,
      ...(ca !== undefined && { ca: absolute([...path, 'ca'], ca) }),
      ...(cert !== undefined && { cert: absolute([...path, 'cert'], cert) }),
      ...(key !== undefined && { key: absolute([...path, 'key'], key) }),
    };
  }
}
