import type { RedisBroker } from '../../src/broker/redis/redis-broker.ts';
import { RecordingSink } from './recording-sink.ts';
import type { RedisBrokers } from './redis-brokers.ts';
import type { RedisServer } from './start-redis.ts';

/** The user whose rights `allowApp` gives and takes. */
export const appUser = { username: 'app', password: 'secret' };

/** `ACL SETUSER app …`; the rules are added to those there are. */
export async function allowApp({ admin }: RedisServer, ...rules: string[]): Promise<void> {
  await admin.call('ACL', 'SETUSER', appUser.username, ...rules);
}

export interface StartedBroker {
  readonly broker: RedisBroker;
  readonly sink: RecordingSink;
}

export async function startBroker(brokers: RedisBrokers): Promise<StartedBroker> {
  const sink = new RecordingSink();
  const broker = await brokers.join();
  await broker.start(sink);
  return { broker, sink };
}

/** Why a round trip fails now; empty: it does not. */
export async function troubleOf({ broker }: StartedBroker): Promise<string> {
  return await broker.probe.roundTrip(1_000).then(
    () => '',
    (error: unknown) => String(error),
  );
}
