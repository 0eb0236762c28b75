import { describe } from 'vitest';
import { redisBrokers } from '../support/redis-brokers.ts';
import { startRedisSentinels } from '../support/start-redis-sentinels.ts';
import { redisContract } from './redis-contract.ts';

describe('the Redis broker with Sentinel', () => {
  redisContract(startRedisSentinels, ({ name, addresses, servers }) =>
    redisBrokers({ sentinels: { name, nodes: addresses } }, { admins: servers.map(({ admin }) => admin) }),
  );
});
