import { RedisBroker } from '../../src/broker/redis/redis-broker.ts';
import { defaultRedisOptions, type RedisOptions } from '../../src/broker/redis/redis-options.ts';
import { startGateway, type StartedGateway } from './start-gateway.ts';
import type { RedisServer } from './start-redis.ts';

/** One more member of a cluster: a program that embeds Carillon, on the same Redis. */
export function startMember(
  { url }: Pick<RedisServer, 'url'>,
  node: string,
  redis: Partial<RedisOptions> = {},
): Promise<StartedGateway> {
  const broker = new RedisBroker({ ...defaultRedisOptions, url, ...redis });
  return startGateway({}, { broker, node });
}
