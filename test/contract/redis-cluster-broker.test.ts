import { describe } from 'vitest';
import { redisBrokers } from '../support/redis-brokers.ts';
import { startRedisCluster } from '../support/start-redis-cluster.ts';
import { redisContract } from './redis-contract.ts';

describe('the Redis broker with a Redis Cluster', () => {
  redisContract(startRedisCluster, ({ seeds, nodes }) =>
    redisBrokers({ cluster: seeds }, { admins: nodes.map(({ server }) => server.admin) }),
  );
});
