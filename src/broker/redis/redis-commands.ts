import type { Script } from './load-scripts.ts';

/** What the parts of the Redis broker ask of the command connection. Both give up after `commandTimeoutMs`. */
export interface RedisCommands {
  /**
   * Runs a script where its keys are (they share one slot).
   * @returns Redis' reply; bulk strings as Buffers
   * @throws BrokerUnavailableError whose message says what is wrong with Redis, in words for an operator
   * @throws BrokerClosedError
   */
  run(script: Script, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown>;
  /** PUBLISH, or SPUBLISH in a cluster. Throws as `run`. */
  publish(channel: string, payload: Buffer): Promise<void>;
}
