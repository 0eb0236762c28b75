import { inspect } from 'node:util';
import { ReplyError } from 'ioredis';
import { describe, expect, it } from 'vitest';
import {
  explainConnectError,
  explainRedirection,
  explainRedisError,
  replyCode,
  type RedisTrouble,
} from '../../../../src/broker/redis/redis-command-errors.ts';

const party = { server: 'Redis 127.0.0.1:6379', user: 'app' };
const script = 'script: 0123456789012345678901234567890123456789, on @user_script:7.';

function reply(message: string): Error {
  const error = new (ReplyError as unknown as new (message: string) => Error)(message);
  return Object.assign(error, { command: { name: 'hello', args: ['3', 'AUTH', 'app', 'secret'] } });
}

describe('what an error reply means', () => {
  it.each<[string, RedisTrouble, string]>([
    [
      `READONLY You can't write against a read only replica. ${script}`,
      'read-only',
      'Redis 127.0.0.1:6379 is read-only: it has been demoted to a replica',
    ],
    [
      "OOM command not allowed when used memory > 'maxmemory'.",
      'out-of-memory',
      "Redis 127.0.0.1:6379 is out of memory (maxmemory): OOM command not allowed when used memory > 'maxmemory'.",
    ],
    [
      'WRONGPASS invalid username-password pair or user is disabled.',
      'refused-user',
      'Redis 127.0.0.1:6379 refuses user "app": WRONGPASS invalid username-password pair or user is disabled.',
    ],
    [
      `NOPERM this user has no permissions to run the 'evalsha' command`,
      'refused-user',
      `Redis 127.0.0.1:6379 refuses user "app": NOPERM this user has no permissions to run the 'evalsha' command`,
    ],
    [
      `NOPUBLISH No permissions to access a channel ${script}`,
      'refused-user',
      'Redis 127.0.0.1:6379 refuses user "app": NOPERM No permissions to access a channel',
    ],
    [
      'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
      'busy',
      'Redis 127.0.0.1:6379 is busy with a long script (SCRIPT KILL ends it)',
    ],
    ['LOADING Redis is loading the dataset in memory', 'loading', 'Redis 127.0.0.1:6379 is loading its data'],
    [
      'CLUSTERDOWN The cluster is down',
      'cluster-down',
      'the Redis cluster does not serve all its slots (Redis 127.0.0.1:6379: CLUSTERDOWN The cluster is down)',
    ],
  ])('%s', (message, trouble, says) => {
    const failure = explainRedisError(reply(message), party);
    expect(failure).toMatchObject({ trouble, message: says, outcome: 'refused', code: 'BROKER_UNAVAILABLE' });
  });

  it.each([
    // 7.0, with and without the place
    `ERR The user executing the script can't run this command or subcommand ${script}`,
    "ERR The user executing the script can't run this command or subcommand",
    // 7.2
    `NOPERM User app has no permissions to run the 'xadd' command ${script}`,
  ])('is unknown where a script was not permitted a later command: %s', (message) => {
    const failure = explainRedisError(reply(message), party);
    expect(failure).toMatchObject({ trouble: 'refused-user', outcome: 'unknown' });
    expect(failure.message).not.toContain('script: ');
    expect(replyCode(reply(message))).toBe('NOPERM');
  });

  it('is unknown where we do not know it: it may have been carried out in part', () => {
    const failure = explainRedisError(reply(`ERR something ${script}`), party);
    expect(failure).toMatchObject({
      trouble: 'other',
      outcome: 'unknown',
      message: 'Redis 127.0.0.1:6379 answered: ERR something',
    });
  });

  it('says that a server does not answer when it takes the connection and says nothing', () => {
    expect(explainConnectError(new Error('Command timed out'), party)).toMatchObject({
      trouble: 'silent',
      message: 'Redis 127.0.0.1:6379 does not answer',
    });
  });

  it('does not carry the command along, which may have the password in it', () => {
    const failure = explainConnectError(reply('WRONGPASS invalid'), party);
    expect(failure.cause).toBeUndefined();
    expect(inspect(failure)).not.toContain('secret');
  });
});

describe('what it means to be sent on again and again', () => {
  it.each<[string, RedisTrouble, string]>([
    [
      'ASK 7 127.0.0.1:7001',
      'migrating',
      'slot 7 of the Redis cluster is being migrated (Redis 1: ASK 7 127.0.0.1:7001)',
    ],
    [
      'TRYAGAIN Multiple keys request during rehashing of slot',
      'migrating',
      'slot 7 of the Redis cluster is being migrated (Redis 1: TRYAGAIN Multiple keys request during rehashing of slot)',
    ],
    [
      'MOVED 7 127.0.0.1:7001',
      'cluster-down',
      'the nodes of the Redis cluster do not agree on who serves slot 7 (Redis 1: MOVED 7 127.0.0.1:7001)',
    ],
  ])('%s', (message, trouble, says) => {
    const failure = explainRedirection(reply(message), 7, 'Redis 1');
    expect(failure).toMatchObject({ trouble, message: says, outcome: 'refused' });
  });

  it('is for others to say where it is no redirection', () => {
    expect(explainRedirection(reply('CLUSTERDOWN'), 7, 'Redis 1')).toBeUndefined();
  });
});

describe('what an error without an answer means', () => {
  it('is unknown where the command had been sent', () => {
    expect(explainRedisError(new Error('Connection is closed.'), party).outcome).toBe('unknown');
    expect(explainRedisError(new Error('Command timed out'), party)).toMatchObject({
      outcome: 'unknown',
      trouble: 'silent',
      message: 'Redis 127.0.0.1:6379 does not answer',
    });
  });

  it('is that it was not carried out where it had not been sent', () => {
    const error = new Error("Stream isn't writeable and enableOfflineQueue options is false");
    expect(explainRedisError(error, party)).toMatchObject({ outcome: 'refused', trouble: 'lost' });
  });

  it('names every address that was tried', () => {
    const error = new AggregateError(
      [new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 1')],
      '',
    );
    expect(explainConnectError(error, party).message).toBe(
      'Redis 127.0.0.1:6379 is unreachable: connect ECONNREFUSED ::1:1; connect ECONNREFUSED 1',
    );
  });

  it('has no reply code', () => {
    expect(replyCode(new Error('OOM'))).toBeUndefined();
    expect(replyCode(reply('OOM'))).toBe('OOM');
  });
});
