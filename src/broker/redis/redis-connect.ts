import { Redis } from 'ioredis';
import { readSecretFile } from '../../lib/secret-file.ts';
import { RedisUnavailableError } from './redis-command-errors.ts';
import type { RedisAddress, RedisTlsOptions } from './redis-options.ts';
import { addressLabel, loadTls } from './redis-settings.ts';

export interface ConnectRedisOptions {
  readonly address: RedisAddress;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Wins over `password`. */
  readonly passwordFile?: string | undefined;
  readonly tls?: RedisTlsOptions | undefined;
  /** What CLIENT LIST shows. */
  readonly connectionName?: string;
  /** From the first packet to the answer of the handshake, in milliseconds. */
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  /** Ends it, whether it has been made or not. */
  readonly signal: AbortSignal;
}

/**
 * One connection, once: it does not reconnect, resend, queue or resubscribe by itself. What is to happen after a loss
 * is decided by whoever holds it.
 * @throws the error of the socket, or Redis' error reply to the handshake; SecretFileError
 */
export async function connectRedis(options: ConnectRedisOptions): Promise<Redis> {
  const { address, username, passwordFile, tls, connectionName, connectTimeoutMs, commandTimeoutMs } = options;
  const { signal } = options;
  signal.throwIfAborted();
  const tlsOptions = tls === undefined ? undefined : await loadTls(tls);
  signal.throwIfAborted();
  // Anew, so that a reconnect takes a password that was changed.
  const password = passwordFile === undefined ? options.password : readSecretFile(passwordFile);
  const client = new Redis({
    host: address.host,
    port: address.port,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tlsOptions === undefined ? {} : { tls: tlsOptions }),
    ...(connectionName === undefined ? {} : { connectionName }),
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    keepAlive: 10_000,
    // ioredis leaves this timer behind where the socket is closed already.
    disconnectTimeout: 1,
    lazyConnect: true,
    retryStrategy: () => null,
    enableOfflineQueue: false,
    // LOADING is told by every command of ours.
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
  });
  let failure: unknown;
  client.on('error', (error: unknown) => (failure ??= error));
  const abandon = (): void => destroyClient(client);
  signal.addEventListener('abort', abandon, { once: true });
  const timer = setTimeout(() => {
    failure ??= new RedisUnavailableError(
      'silent',
      `Redis ${addressLabel(address)} does not answer: no connection within ${connectTimeoutMs} ms`,
    );
    destroyClient(client);
  }, connectTimeoutMs);
  try {
    await client.connect();
    // The signal counts as long as the connection lives.
    client.once('end', () => signal.removeEventListener('abort', abandon));
    return client;
  } catch (error) {
    destroyClient(client);
    signal.removeEventListener('abort', abandon);
    throw failure ?? error;
  } finally {
    clearTimeout(timer);
  }
}

/** Ends the connection now, without waiting for the other end: a network that is gone does not answer a FIN either. */
export function destroyClient(client: Redis): void {
  client.disconnect();
  client.stream?.destroy();
}

export interface ServerFacts {
  /** `master` or `replica`. */
  readonly role?: string | undefined;
  readonly version?: string | undefined;
  /** `standalone`, `sentinel` or `cluster`. */
  readonly mode?: string | undefined;
}

/** What the server says of itself in HELLO, which every user may ask. @throws ioredis' errors */
export async function askServerFacts(client: Redis): Promise<ServerFacts> {
  const reply = await client.call('HELLO');
  const facts = new Map<unknown, unknown>();
  if (Array.isArray(reply)) for (let at = 0; at + 1 < reply.length; at += 2) facts.set(reply[at], reply[at + 1]);
  const text = (key: string): string | undefined => {
    const value = facts.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  return { role: text('role'), version: text('version'), mode: text('mode') };
}
