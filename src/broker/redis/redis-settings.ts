import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { RedisAddress, RedisOptions, RedisTlsOptions } from './redis-options.ts';

/** What `RedisOptions` come to once the URL is read. */
export interface RedisSettings {
  /** Of a standalone server. */
  readonly address: RedisAddress;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly passwordFile: string | undefined;
  readonly db: number;
  readonly tls: RedisTlsOptions | undefined;
}

/** @throws TypeError when the URL is none, or not one of Redis */
export function redisSettings(options: RedisOptions): RedisSettings {
  const url = options.url === undefined ? undefined : new URL(options.url);
  if (url !== undefined && url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new TypeError(`redis.url begins with "${url.protocol}", expected "redis://" or "rediss://"`);
  }
  const path = url?.pathname.slice(1) ?? '';
  return {
    address: {
      host: options.host ?? (url?.hostname ? url.hostname.replace(/^\[|\]$/g, '') : '127.0.0.1'),
      port: options.port ?? (url?.port ? Number(url.port) : 6379),
    },
    username: options.username ?? (url?.username ? decodeURIComponent(url.username) : undefined),
    password: options.password ?? (url?.password ? decodeURIComponent(url.password) : undefined),
    passwordFile: options.passwordFile,
    db: options.db ?? (path === '' ? 0 : Number(path)),
    tls: options.tls ?? (url?.protocol === 'rediss:' ? {} : undefined),
  };
}

/** Reads the files anew, so that a reconnect takes a renewed certificate. */
export async function loadTls({ ca, cert, key, serverName }: RedisTlsOptions): Promise<ConnectionOptions> {
  return {
    ...(ca === undefined ? {} : { ca: await readFile(ca) }),
    ...(cert === undefined ? {} : { cert: await readFile(cert) }),
    ...(key === undefined ? {} : { key: await readFile(key) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

/** `host:port`, with brackets around an IPv6 address. */
export function addressLabel({ host, port }: RedisAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
