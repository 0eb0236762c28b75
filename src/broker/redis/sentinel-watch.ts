import type { Redis } from 'ioredis';
import { KeptConnection } from './kept-connection.ts';
import { connectRedis } from './redis-connect.ts';
import type { RedisAddress, RedisSentinelOptions } from './redis-options.ts';
import { askForPrimary } from './redis-sentinels.ts';
import { addressLabel } from './redis-settings.ts';

export interface SentinelWatchOptions {
  readonly sentinels: RedisSentinelOptions;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** More than half of the sentinels name this primary. */
  readonly onPrimary: (address: RedisAddress) => void;
}

/**
 * Asks the sentinels regularly, over connections that stay. After a failover by command the old primary goes on as one
 * for some ten seconds: it answers, takes writes and delivers, while the others are with the new one already.
 */
export class SentinelWatch {
  readonly #options: SentinelWatchOptions;
  readonly #connections: readonly KeptConnection[];
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;

  constructor(options: SentinelWatchOptions) {
    this.#options = options;
    const { sentinels, timeoutMs } = options;
    this.#connections = sentinels.nodes.map(
      (address) =>
        new KeptConnection({
          open: (signal) =>
            connectRedis({
              address,
              username: sentinels.username,
              password: sentinels.password,
              passwordFile: sentinels.passwordFile,
              tls: sentinels.tls,
              connectTimeoutMs: timeoutMs,
              commandTimeoutMs: timeoutMs,
              signal,
            }),
          onReady: () => {},
          onLost: () => {},
          onFailed: () => {},
        }),
    );
  }

  start(): void {
    for (const connection of this.#connections) connection.start();
    this.#timer = setInterval(() => void this.#ask(), this.#options.intervalMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const votes = new Map<string, number>();
    await Promise.all(
      this.#connections.map(async (connection) => {
        const { client } = connection;
        const address = client && (await this.#askOne(connection, client));
        if (address === undefined) return;
        const label = addressLabel(address);
        const count = (votes.get(label) ?? 0) + 1;
        votes.set(label, count);
        const isMajority = (some: number): boolean => some * 2 > this.#connections.length;
        if (isMajority(count) && !isMajority(count - 1)) this.#options.onPrimary(address);
      }),
    );
    this.#isAsking = false;
  }

  async #askOne(connection: KeptConnection, client: Redis): Promise<RedisAddress | undefined> {
    try {
      return await askForPrimary(client, this.#options.sentinels.name);
    } catch {
      // It does not answer: perhaps another connection does.
      if (connection.client === client) connection.replace();
      return undefined;
    }
  }
}
