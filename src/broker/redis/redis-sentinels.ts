import type { Redis } from 'ioredis';
import { connectRedis, destroyClient } from './redis-connect.ts';
import { explainConnectError, RedisUnavailableError } from './redis-command-errors.ts';
import type { RedisAddress, RedisSentinelOptions } from './redis-options.ts';
import { addressLabel } from './redis-settings.ts';

/**
 * Asks all sentinels at once who is the primary. What more than half of them say is believed at once; otherwise, when
 * all have answered or their time is over, what most say. One alone may be cut off, or behind.
 * @throws RedisUnavailableError when none knows
 */
export async function findPrimary(
  { name, nodes, username, password, passwordFile, tls }: RedisSentinelOptions,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<RedisAddress> {
  const votes = new Map<string, { count: number; address: RedisAddress }>();
  const failures: string[] = [];
  const enough = new AbortController();
  const giveUp = (): void => enough.abort();
  signal.addEventListener('abort', giveUp, { once: true });
  const askOne = async (sentinel: RedisAddress): Promise<void> => {
    try {
      const client = await connectRedis({
        address: sentinel,
        username,
        password,
        passwordFile,
        tls,
        connectTimeoutMs: timeoutMs,
        commandTimeoutMs: timeoutMs,
        signal: enough.signal,
      });
      try {
        const address = await askForPrimary(client, name);
        if (address === undefined) return void failures.push(`${addressLabel(sentinel)} knows no "${name}"`);
        const label = addressLabel(address);
        const count = (votes.get(label)?.count ?? 0) + 1;
        votes.set(label, { count, address });
        if (count * 2 > nodes.length) enough.abort();
      } finally {
        destroyClient(client);
      }
    } catch (error) {
      const party = { server: `Sentinel ${addressLabel(sentinel)}`, user: username ?? 'default' };
      if (!enough.signal.aborted) failures.push(explainConnectError(error, party).message);
    }
  };
  try {
    await Promise.all(nodes.map(askOne));
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
  signal.throwIfAborted();
  const [winner] = [...votes.values()].toSorted((a, b) => b.count - a.count);
  if (winner !== undefined) return winner.address;
  throw new RedisUnavailableError('unreachable', `no sentinel knows the primary "${name}": ${failures.join('; ')}`);
}

/** undefined: the sentinel does not know the name. @throws ioredis' errors */
export async function askForPrimary(client: Redis, name: string): Promise<RedisAddress | undefined> {
  const reply = await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name);
  if (!Array.isArray(reply)) return undefined;
  const [host, port] = reply as unknown[];
  return typeof host === 'string' ? { host, port: Number(port) } : undefined;
}
