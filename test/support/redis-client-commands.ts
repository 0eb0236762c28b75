import type { Redis } from 'ioredis';
import { loadScripts } from '../../src/broker/redis/load-scripts.ts';
import type { RedisCommands } from '../../src/broker/redis/redis-commands.ts';
import type { RedisContext } from '../../src/broker/redis/redis-context.ts';
import { OwnPublications } from '../../src/broker/redis/own-publications.ts';
import { RedisNames } from '../../src/broker/redis/redis-names.ts';
import { defaultRedisOptions } from '../../src/broker/redis/redis-options.ts';

/** Commands over a test's own client, for the parts of the broker alone. `problems` gets what could not be read. */
export function redisContext(client: Redis, problems: string[] = []): RedisContext {
  const commands: RedisCommands = {
    run: (script, keys, args) =>
      client.callBuffer('EVAL', script.source, String(keys.length), ...keys, ...args.map(argument)),
    async publish(channel, payload) {
      await client.publish(channel, payload);
    },
  };
  return {
    commands,
    names: new RedisNames(defaultRedisOptions),
    scripts: loadScripts(),
    own: new OwnPublications(() => false),
    publishCommand: 'PUBLISH',
    onMalformed: (name, problem) => problems.push(`${name}: ${problem}`),
  };
}

function argument(value: string | number | Buffer): string | Buffer {
  return typeof value === 'number' ? String(value) : value;
}
