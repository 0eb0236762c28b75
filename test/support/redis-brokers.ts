import type { Redis } from 'ioredis';
import { RedisBroker, type RedisBrokerParts } from '../../src/broker/redis/redis-broker.ts';
import { defaultRedisOptions, type RedisOptions } from '../../src/broker/redis/redis-options.ts';
import type { Broker } from '../../src/broker/broker.ts';
import type { BrokerCluster } from './broker-cluster.ts';

export interface RedisBrokers extends BrokerCluster {
  join(more?: Partial<RedisOptions>): Promise<RedisBroker>;
}

export interface RedisBrokersParts extends RedisBrokerParts {
  /** Connections to the servers of the test's own: with them each broker has a user, whom `fault` shuts out. */
  readonly admins?: readonly Redis[];
}

let clusters = 0;

/** Brokers that share a Redis with others, by prefixes of their own. */
export function redisBrokers(
  options: Partial<RedisOptions>,
  { admins, ...parts }: RedisBrokersParts = {},
): RedisBrokers {
  const prefix = `test${process.pid}-${++clusters}:`;
  const users = new Map<Broker, string>();
  const brokers: RedisBroker[] = [];
  const everywhere = async (...command: [string, ...string[]]): Promise<void> => {
    await Promise.all((admins ?? []).map((admin) => admin.call(...command)));
  };
  return {
    join: async (more = {}) => {
      const username = `${prefix}${brokers.length}`;
      if (admins !== undefined) await everywhere('ACL', 'SETUSER', username, 'on', '>secret', '~*', '&*', '+@all');
      const user = admins === undefined ? {} : { username, password: 'secret' };
      const given = { ...defaultRedisOptions, channelPrefix: prefix, keyPrefix: prefix, ...user, ...options, ...more };
      const broker = new RedisBroker(given, parts);
      brokers.push(broker);
      users.set(broker, username);
      return broker;
    },
    ...(admins === undefined
      ? {}
      : {
          async fault(broker: Broker, meanwhile: () => Promise<unknown>): Promise<void> {
            const user = users.get(broker) ?? '';
            await everywhere('ACL', 'SETUSER', user, 'off');
            await everywhere('CLIENT', 'KILL', 'USER', user);
            await meanwhile();
            await everywhere('ACL', 'SETUSER', user, 'on');
          },
        }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(brokers.map((broker) => broker.close()));
    },
  };
}
