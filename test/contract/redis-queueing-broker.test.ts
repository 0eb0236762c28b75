import { describe } from 'vitest';
import { redisBrokers } from '../support/redis-brokers.ts';
import { startRedis } from '../support/start-redis.ts';
import { redisContract } from './redis-contract.ts';

describe('the Redis broker with a publish queue', () => {
  const publishQueue = { messages: 100_000, bytes: 256 * 1024 * 1024, seconds: 10 };
  redisContract(startRedis, ({ url, admin }) => redisBrokers({ url, publishQueue }, { admins: [admin] }));
});
