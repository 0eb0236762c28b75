/** Where Redis is and how it is used. A standalone server unless `sentinels` or `cluster` is there. */
export interface RedisOptions {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS. What else is set besides wins over its parts. */
  readonly url?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 6379. */
  readonly port?: number;
  /** ACL user. Default: Redis' "default". */
  readonly username?: string;
  readonly password?: string;
  /** File with the password in one line, read again for each connection. In place of `password`. */
  readonly passwordFile?: string;
  /** Database number; pub/sub does not know of it, keys do. Default 0. */
  readonly db?: number;
  /** Present: TLS. */
  readonly tls?: RedisTlsOptions;
  readonly sentinels?: RedisSentinelOptions;
  /** Seed nodes of a Redis Cluster: some of its nodes, the others are found. Sharded pub/sub is used. */
  readonly cluster?: readonly RedisAddress[];
  /**
   * Before every channel's name. No braces: they would put all channels in one slot of a cluster. Default empty: the
   * channel is named as the subscription, byte for byte.
   */
  readonly channelPrefix: string;
  /** Before every key, and before the channels of Carillon's own. No braces. Default "carillon:". */
  readonly keyPrefix: string;
  /** How long a connection may take until it can be used, in milliseconds. Default 2,000. */
  readonly connectTimeoutMs: number;
  /**
   * How long Redis may answer nothing, in milliseconds: then what it has been asked is given up. Where it answers, but is
   * behind, a command may take five times as long. Default 2,000.
   */
  readonly commandTimeoutMs: number;
  /**
   * Within this time it is noticed that Redis is unreachable, hung, demoted, full or refuses us, in milliseconds.
   * Default 5,000, at least 500.
   */
  readonly detectionMs: number;
  /** Absent: what cannot be published now is rejected at once. */
  readonly publishQueue?: PublishQueueOptions;
  /** How long a member of presence is believed whose worker says nothing more, in seconds. Default 30. */
  readonly presenceTtl: number;
}

export interface RedisAddress {
  readonly host: string;
  /** Default 6379; of sentinels 26379. */
  readonly port: number;
}

export interface RedisTlsOptions {
  /** PEM file with the authorities to trust. Default: those of the system. */
  readonly ca?: string;
  /** PEM files of a client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Name to expect in the server's certificate. Default: the host. */
  readonly serverName?: string;
}

export interface RedisSentinelOptions {
  /** The name under which the sentinels know the primary. */
  readonly name: string;
  readonly nodes: readonly RedisAddress[];
  /** For the sentinels themselves, where they ask for it. */
  readonly username?: string;
  readonly password?: string;
  /** File with that password in one line, read again for each connection. In place of `password`. */
  readonly passwordFile?: string;
  /** Present: TLS to the sentinels. */
  readonly tls?: RedisTlsOptions;
}

/**
 * Publications that wait, in each worker, while Redis is away. Above any of the bounds publishing is rejected.
 *
 * What was under way when Redis went away may have been accepted: it is sent again, once Redis is back, where it has
 * history (it gets an id where it has none) or an id of its own. Otherwise it is rejected with the outcome `unknown`.
 */
export interface PublishQueueOptions {
  /** Most publications that wait. */
  readonly messages: number;
  /** Most bytes of data that wait. Default of the configuration: 16 MiB. */
  readonly bytes: number;
  /** How long one may wait. */
  readonly seconds: number;
}

export const defaultRedisOptions: Omit<RedisOptions, 'url'> = Object.freeze({
  channelPrefix: '',
  keyPrefix: 'carillon:',
  connectTimeoutMs: 2_000,
  commandTimeoutMs: 2_000,
  detectionMs: 5_000,
  presenceTtl: 30,
});
