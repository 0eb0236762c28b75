import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrokerUnavailableError } from '../../src/broker/broker.ts';
import { participant, settled, textPublication } from '../support/broker-cluster.ts';
import { failureOf } from '../support/failure-of.ts';
import { freePort } from '../support/free-port.ts';
import { redisBrokers } from '../support/redis-brokers.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

let folder: TemporaryFolder;
let redis: RedisServer;
let tlsPort: number;
let ca: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  const { cert, key } = await selfSignedCertificate();
  ca = folder.file('cert.pem');
  await writeFile(ca, cert);
  await writeFile(folder.file('key.pem'), key);
  tlsPort = await freePort();
  const files = ['--tls-cert-file', ca, '--tls-key-file', folder.file('key.pem'), '--tls-ca-cert-file', ca];
  redis = await startRedis({ args: ['--tls-port', String(tlsPort), ...files] });
  await redis.admin.call('ACL', 'SETUSER', 'app', 'on', '>p@ss/word', '~*', '&*', '+@all');
});
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('a Redis broker over TLS', () => {
  it('knows the authority, shows its certificate, and uses the user and the database of the URL', async () => {
    const url = `rediss://app:p%40ss%2Fword@127.0.0.1:${tlsPort}/3`;
    const tls = { ca, cert: ca, key: folder.file('key.pem'), serverName: 'localhost' };
    await using brokers = redisBrokers({ url, tls });
    const one = await participant(brokers);
    await one.broker.subscribe(['room']);
    await one.broker.publish(textPublication('room', 'hello'), { history: { size: 10, ttl: 60 } });
    await settled([one]);
    expect(one.sink.texts('room')).toEqual(['hello']);
    expect(await redis.admin.info('keyspace')).toMatch(/^db3:/m);
    expect(await redis.admin.info('keyspace')).not.toMatch(/^db0:/m);
    expect(await redis.admin.call('CLIENT', 'LIST')).toContain('user=app');
  });

  it.each([
    ['it does not know', {}, /certificate/],
    ['whose file there is none of', { ca: '/nowhere/ca.pem' }, /ENOENT.*\/nowhere\/ca\.pem/],
  ])('does not start with an authority %s', async (_what, tls, message) => {
    const url = `rediss://app:p%40ss%2Fword@127.0.0.1:${tlsPort}`;
    await using brokers = redisBrokers({ url, tls, connectTimeoutMs: 500, commandTimeoutMs: 500 });
    const failure = await failureOf(participant(brokers), BrokerUnavailableError);
    expect(failure.message).toMatch(message);
    expect(failure.message).toMatch(/^Redis 127\.0\.0\.1:\d+ is unreachable: /);
    expect(failure.message).not.toContain('p@ss');
  });
});
