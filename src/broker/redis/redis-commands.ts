import type { Script } from './load-scripts.ts';

/**
 * What the parts of the Redis broker ask of the command connection.
 *
 * A command that cannot be sent, or has to be sent again, is given up after `commandTimeoutMs`. One that is under way is
 * given up when it is as old as that and the server has answered nothing for as long: it is silent. Where the server
 * answers others and is only behind, a command may take five times as long. (An eighth of the time is added to each: so
 * often it is looked.)
 */
export interface RedisCommands {
  /**
   * Runs a script where its keys are (they share one slot).
   * @param channel what the script gives a publication to; absent: it gives none. Publications to one channel are
   *   carried out in the order of the calls, or not at all, and only by the node that has the slot's subscribers.
   * @returns Redis' reply; bulk strings as Buffers
   * @throws BrokerUnavailableError whose message says what is wrong with Redis, in words for an operator
   * @throws BrokerClosedError
   */
  run(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
    channel?: string,
  ): Promise<unknown>;
  /** PUBLISH, or SPUBLISH in a cluster. Throws as `run`. */
  publish(channel: string, payload: string | Buffer): Promise<unknown>;
}
