import { describe } from 'vitest';
import { redisBrokers } from '../support/redis-brokers.ts';
import { startRedis } from '../support/start-redis.ts';
import { redisContract } from './redis-contract.ts';

describe('the Redis broker', () => {
  redisContract(startRedis, ({ url, admin }) => redisBrokers({ url }, { admins: [admin] }));
});
