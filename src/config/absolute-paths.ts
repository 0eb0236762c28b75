import { resolve } from 'node:path';
import type { AppOptions } from '../apps/app-options.ts';
import type { RedisOptions, RedisTlsOptions } from '../broker/redis/redis-options.ts';
import type { Config } from './config.ts';
import type { ConfigPath } from './path.ts';

type FilesOfRedis = Pick<RedisOptions, 'tls' | 'passwordFile'>;

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
    ...(redis && { redis: withAbsoluteFiles(redis) }),
    apps: {
      ...apps,
      ...(apps.echo && { echo: withAbsoluteSecret('echo', apps.echo) }),
      ...(apps.chat && { chat: withAbsoluteSecret('chat', apps.chat) }),
      ...(logView && {
        'log-view': {
          ...withAbsoluteSecret('log-view', logView),
          logs: Object.fromEntries(
            logs.map(([name, file]) => [name, absolute(['apps', 'log-view', 'logs', name], file)]),
          ),
        },
      }),
    },
  };

  function withAbsoluteSecret<App extends AppOptions>(name: string, app: App): App {
    const { auth } = app;
    if (auth?.type !== 'token' || auth.secretFile === undefined) return app;
    const secretFile = absolute(['apps', name, 'auth', 'secretFile'], auth.secretFile);
    return { ...app, auth: { ...auth, secretFile } };
  }

  function withAbsoluteFiles(options: NonNullable<Config['redis']>): NonNullable<Config['redis']> {
    const { sentinels } = options;
    return {
      ...options,
      ...absoluteFiles(['redis'], options),
      ...(sentinels && { sentinels: { ...sentinels, ...absoluteFiles(['redis', 'sentinels'], sentinels) } }),
    };
  }

  function absoluteFiles(section: ConfigPath, { tls: secured, passwordFile }: FilesOfRedis): FilesOfRedis {
    return {
      ...(secured && { tls: absoluteTls([...section, 'tls'], secured) }),
      ...(passwordFile !== undefined && { passwordFile: absolute([...section, 'passwordFile'], passwordFile) }),
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
