import { writeFile } from 'node:fs/promises';
import { describe, it } from 'vitest';
import { RedisBroker } from '../../src/broker/redis/redis-broker.ts';
import { defaultRedisOptions } from '../../src/broker/redis/redis-options.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { startRedis } from '../support/start-redis.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

/** What the broker says of itself; empty where all is well. */
function troubleOf(broker: RedisBroker): Promise<string> {
  return broker.probe.roundTrip(1_000).then(
    () => '',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

describe('a password of Redis in a file', () => {
  it('is read for each connection, so that one that was changed is used without a restart', async () => {
    await using folder = await temporaryFolder({ password: 'first password\n' });
    await using redis = await startRedis();
    await redis.admin.config('SET', 'requirepass', 'first password');
    const passwordFile = folder.file('password');
    const options = { ...defaultRedisOptions, port: redis.port, passwordFile, detectionMs: 500 };
    const broker = new RedisBroker(options);
    await broker.start(new RecordingSink());
    await broker.probe.roundTrip(5_000);

    await redis.admin.config('SET', 'requirepass', 'second password');
    for (const kind of ['normal', 'pubsub']) await redis.admin.call('CLIENT', 'KILL', 'TYPE', kind, 'SKIPME', 'yes');
    await until(async () => (await troubleOf(broker)).includes('WRONGPASS'));
    await writeFile(passwordFile, '');
    const fault = `Redis 127.0.0.1:${redis.port} needs a password, and the secret file ${passwordFile} is empty`;
    await until(async () => (await troubleOf(broker)).includes(fault));
    await writeFile(passwordFile, 'second password');
    await until(async () => (await troubleOf(broker)) === '');
    await broker.close();
  });
});
