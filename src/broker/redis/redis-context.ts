import type { Scripts } from './load-scripts.ts';
import type { OwnPublications } from './own-publications.ts';
import type { RedisCommands } from './redis-commands.ts';
import type { RedisNames } from './redis-names.ts';

/** What the parts that ask something of Redis have in common. */
export interface RedisContext {
  readonly commands: RedisCommands;
  readonly names: RedisNames;
  readonly scripts: Scripts;
  /** By which command scripts publish: SPUBLISH in a cluster. */
  readonly publishCommand: 'PUBLISH' | 'SPUBLISH';
  /** Knows when what had no place for it was published. */
  readonly own: OwnPublications;
  /** Hears of what is stored in Redis and cannot be read; it is left out. */
  readonly onMalformed: (name: string, problem: string) => void;
}
