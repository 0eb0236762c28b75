import { z } from 'zod';
import {
  defaultRedisOptions,
  type PublishQueueOptions,
  type RedisAddress,
  type RedisOptions,
  type RedisSentinelOptions,
  type RedisTlsOptions,
} from '../broker/redis/redis-options.ts';
import { isHost, parseAddress } from './host-address.ts';
import { expectedOfRedisUrl, highestDatabase } from './redis-url.ts';
import { schemaFor } from './schema-for.ts';
import { integer, list, mebibyte, section, text } from './schema-parts.ts';
import { file } from './schema-server.ts';

const { commandTimeoutMs } = defaultRedisOptions;
export const redisPort: number = 6379;
export const sentinelPort: number = 26_379;

const host = text('an IP address or host name, without a port', { accepts: isHost });
const port = integer({ min: 1, max: 65_535 });
const credential = text('a text that is not empty, in quotes where it is all digits', { pattern: /^[^]+$/ });
const milliseconds = integer({ min: 100, max: 60_000, unit: 'milliseconds' });

const url = z
  .string({ error: expectedOfRedisUrl('') ?? '' })
  .refine((value) => expectedOfRedisUrl(value) === undefined, {
    error: (issue) => expectedOfRedisUrl(String(issue.input)) ?? '',
  });

/** `host:port` as people write it, or an object. */
function addressSchema(defaultPort: number): z.ZodType<RedisAddress> {
  const inWords = z
    .string()
    .refine((value) => parseAddress(value) !== undefined)
    .transform((value): RedisAddress => ({
      host: parseAddress(value)?.host ?? '',
      port: parseAddress(value)?.port ?? defaultPort,
    }));
  const inParts = schemaFor<RedisAddress>()(section({ host, port: port.default(defaultPort) }));
  return z.union([inWords, inParts], {
    error: `"host:port" such as "10.0.0.1:${defaultPort}" or "[::1]:${defaultPort}", or an object with "host" and "port"`,
  });
}

const redisTlsSchema: z.ZodType<RedisTlsOptions> = schemaFor<RedisTlsOptions>()(
  z.strictObject(
    {
      ca: file.exactOptional().describe('PEM file with the authorities to trust. Default: those that Node.js brings.'),
      cert: file.exactOptional().describe('PEM file with a client certificate.'),
      key: file.exactOptional().describe('PEM file with its private key.'),
      serverName: text('a host name', { accepts: isHost })
        .exactOptional()
        .describe("Name to expect in the server's certificate. Default: the host."),
    },
    { error: 'an object, {} for TLS with nothing special' },
  ),
);

const sentinelsSchema: z.ZodType<RedisSentinelOptions> = schemaFor<RedisSentinelOptions>()(
  section({
    name: text('the name under which the sentinels know the primary', { pattern: /^[^\s]+$/ }).describe(
      'Name under which the sentinels know the primary.',
    ),
    nodes: list('sentinels', addressSchema(sentinelPort), { none: 'at least one sentinel' }).describe(
      `Some of the sentinels, each \`host:port\`; the port is ${sentinelPort} where it is not said.`,
    ),
    username: credential.exactOptional().describe('ACL user of the sentinels themselves.'),
    password: credential.exactOptional().describe('Password of the sentinels themselves.'),
    passwordFile: file
      .exactOptional()
      .describe('File with that password in one line; read again for each connection. In place of `password`.'),
    tls: redisTlsSchema.exactOptional().describe('TLS to the sentinels.'),
  }),
);

const publishQueueSchema: z.ZodType<PublishQueueOptions> = schemaFor<PublishQueueOptions>()(
  section({
    messages: integer({ min: 1, max: 1_000_000, unit: 'publications' }).describe(
      'Most publications that wait while Redis is away, in each worker; above it publishing is rejected. Default: none wait.',
    ),
    bytes: integer({ min: 1024, max: 1024 * mebibyte, unit: 'bytes' })
      .default(16 * mebibyte)
      .describe('Most bytes of data that wait, in each worker; above it publishing is rejected.'),
    seconds: integer({ min: 1, max: 3600, unit: 'seconds' }).describe('How long one may wait, in seconds.'),
  }),
);

const written = z.strictObject(
  {
    url: url
      .exactOptional()
      .describe(
        '`redis://user:password@host:port/db`, or `rediss://` for TLS. User, password, `db` and `tls` may be settings of their own, which win.',
      ),
    host: host.exactOptional().describe('Where Redis is. Default: `127.0.0.1`.'),
    port: port.exactOptional().describe(`Its port. Default: \`${redisPort}\`.`),
    username: credential.exactOptional().describe("ACL user. Default: Redis' own `default`."),
    password: credential.exactOptional().describe('Password of the user.'),
    passwordFile: file
      .exactOptional()
      .describe('File with the password in one line; read again for each connection. In place of `password`.'),
    db: integer({ min: 0, max: highestDatabase })
      .exactOptional()
      .describe('Database of the keys; pub/sub knows none. Default: `0`.'),
    tls: redisTlsSchema.exactOptional().describe('TLS; `{}` for nothing special. Default: off.'),
    sentinels: sentinelsSchema.exactOptional().describe('Sentinels that know where Redis is.'),
    cluster: list('seed nodes', addressSchema(redisPort), { none: 'at least one seed node' })
      .exactOptional()
      .describe(`Some nodes of a Redis Cluster, each \`host:port\`; the others are found. Default: not a cluster.`),
    channelPrefix: text('a text without braces', { pattern: /^[^{}]*$/ })
      .default(defaultRedisOptions.channelPrefix)
      .describe('Before the name of every channel. Empty: a channel is named as its subscription.'),
    keyPrefix: text('a text without braces that is not empty', { pattern: /^[^{}]+$/ })
      .default(defaultRedisOptions.keyPrefix)
      .describe("Before every key and the channels of Carillon's own. Another one for each cluster on one Redis."),
    connectTimeoutMs: milliseconds
      .default(defaultRedisOptions.connectTimeoutMs)
      .describe('How long a connection may take until it can be used, in milliseconds.'),
    commandTimeoutMs: milliseconds
      .exactOptional()
      .describe(
        `How long Redis may answer nothing, in milliseconds; where it answers but is behind, a command may take five times as long. Default: \`${commandTimeoutMs}\`, or \`redis.detectionMs\` where that is less.`,
      ),
    detectionMs: integer({ min: 500, max: 60_000, unit: 'milliseconds' })
      .default(defaultRedisOptions.detectionMs)
      .describe(
        'Within this time it is noticed that Redis is gone, hung, demoted, full or refuses us, in milliseconds.',
      ),
    publishQueue: publishQueueSchema.exactOptional(),
    presenceTtl: integer({ min: 5, max: 3600, unit: 'seconds' })
      .default(defaultRedisOptions.presenceTtl)
      .describe('How long a member of presence is believed whose worker says nothing more, in seconds.'),
  },
  { error: 'an object such as {url: "redis://127.0.0.1:6379"}' },
);

export const redisSchema: z.ZodType<RedisOptions> = schemaFor<RedisOptions>()(
  // Who wants to know of a fault within half a second does not wait two for an answer.
  written.transform(({ commandTimeoutMs: given, ...options }) => ({
    ...options,
    commandTimeoutMs: given ?? Math.min(commandTimeoutMs, options.detectionMs),
  })),
);
