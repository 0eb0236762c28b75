import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, open, symlink } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { tokenSecret } from '../../src/auth/token-secret.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { renderConfig } from '../../src/config/render-config.ts';
import { readSecretFile } from '../../src/lib/secret-file.ts';
import { problemsOf } from '../support/config-problems.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const secret = 'a secret of at least thirty-two bytes';
const chatWith = (auth: string): string => `{apps: {chat: {urls: [/chat], auth: {type: token, ${auth}}}}}`;
const redisWith = (options: string): string => `{redis: {host: 127.0.0.1, ${options}}}`;

describe('a secret in a file', () => {
  it('is read without its line break, and is not in the configuration', async () => {
    await using folder = await temporaryFolder({
      'carillon.yaml': `{redis: {host: 127.0.0.1, passwordFile: keys/redis}, ${chatWith('secretFile: keys/token').slice(1)}`,
      'keys/redis': 'hunter2\n',
      'keys/token': `${secret}\r\n`,
    });
    const loaded = loadConfig({ cwd: folder.path });
    const { redis, apps } = loaded.config;
    expect(redis).toMatchObject({ passwordFile: folder.file('keys/redis') });
    expect(apps.chat?.auth).toMatchObject({ secretFile: folder.file('keys/token') });
    expect(readSecretFile(redis?.passwordFile ?? '')).toBe('hunter2');
    expect(apps.chat?.auth?.type === 'token' && tokenSecret(apps.chat.auth)).toBe(secret);
    const printed = renderConfig(loaded);
    expect(printed).toContain(`passwordFile: ${folder.file('keys/redis')} # carillon.yaml:1`);
    expect(printed + JSON.stringify(loaded.config)).not.toMatch(/hunter2|thirty-two/);
  });

  it('may be named by a variable, also of the sentinels', async () => {
    await using folder = await temporaryFolder({
      'carillon.yaml': '{redis: {sentinels: {name: main, nodes: [127.0.0.1], username: watcher}}}',
      watcher: 'hunter2',
    });
    const env = {
      CARILLON_REDIS_PASSWORD_FILE: folder.file('watcher'),
      CARILLON_REDIS_SENTINELS_PASSWORD_FILE: 'watcher',
    };
    const { redis } = loadConfig({ cwd: folder.path, env }).config;
    expect(redis?.passwordFile).toBe(folder.file('watcher'));
    expect(redis?.sentinels?.passwordFile).toBe(folder.file('watcher'));
  });

  it.each([
    ['is not there', redisWith('passwordFile: ./none'), 'redis.passwordFile: found "./none", which does not exist'],
    ['is a folder', redisWith('passwordFile: ./folder'), 'redis.passwordFile: found "./folder", which is a directory'],
    ['is empty', redisWith('passwordFile: ./empty'), 'redis.passwordFile: found "./empty", which is empty'],
    ['has only a line break', redisWith('passwordFile: ./blank'), 'found "./blank", which is empty'],
    ['has two lines', redisWith('passwordFile: ./two'), 'found "./two", which has more than one line of text'],
    ['is no text', redisWith('passwordFile: ./binary'), 'found "./binary", which is not UTF-8 text'],
    ['is too long', redisWith('passwordFile: ./long'), 'found "./long", which has more than 16384 bytes'],
    [
      'stands besides the secret itself',
      redisWith('password: hunter2, passwordFile: ./one'),
      'redis.passwordFile: found "./one" besides redis.password, expected one of the two',
    ],
    [
      'stands besides the secret itself, of an app',
      chatWith(`secret: ${secret}, secretFile: ./one`),
      'apps.chat.auth.secretFile: found "./one" besides apps.chat.auth.secret, expected one of the two',
    ],
    [
      'has too short a secret',
      chatWith('secretFile: ./one'),
      'apps.chat.auth.secretFile: found "./one", which holds 7 bytes, expected a file with a secret of at least 32 bytes',
    ],
    [
      'is a socket or the like',
      redisWith('passwordFile: /dev/null'),
      'redis.passwordFile: found "/dev/null", which is no regular file',
    ],
    ['may be the secret itself', redisWith('passwordFile: hunter2'), 'found ********, which does not exist'],
    ['may be the secret, with a dot', redisWith('passwordFile: hunter2.abc'), 'found ********, which does not exist'],
    ['may be the secret, in base64', redisWith('passwordFile: aHVu/hunter2+A=='), 'found ********, which does not'],
    ['may be it, with a slash in front', redisWith('passwordFile: /aHVu/hunter2='), 'found ********, which does not'],
    ['may be it, with nothing but that', redisWith('passwordFile: /hunter2='), 'found ********, which does not exist'],
    ['may be it, of an app', chatWith('secretFile: aHVu/hunter2+A=='), 'found ********, which does not exist'],
    [
      'is not where it was looked for',
      redisWith('passwordFile: /dev/none/redis'),
      'redis.passwordFile: found "/dev/none/redis", which does not exist',
    ],
  ])('is refused where it %s, and nothing of a secret is said', async (_, config, problem) => {
    await using folder = await temporaryFolder({
      'carillon.yaml': config,
      empty: '',
      blank: '\n',
      one: 'hunter2',
      two: 'hunter2\nhunter3\n',
      binary: Uint8Array.of(0xff, 0xfe),
      long: 'x'.repeat(16_385),
      'folder/file': '',
    });
    const problems = problemsOf({ cwd: folder.path });
    expect(problems).toEqual([expect.stringContaining(problem)]);
    expect(problems[0]).not.toMatch(/hunter|thirty-two/);
  });

  it('is refused where it is a pipe, without waiting for somebody who writes', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': redisWith('passwordFile: ./pipe') });
    execFileSync('mkfifo', [folder.file('pipe')]);
    // Whoever reads it nevertheless has too much at once, and so need not wait for the rest.
    await using held = await open(folder.file('pipe'), constants.O_RDWR);
    await held.write('hunter2\n'.repeat(4_096));
    expect(problemsOf({ cwd: folder.path })).toEqual([
      expect.stringContaining('redis.passwordFile: found "./pipe", which is no regular file'),
    ]);
    expect(() => readSecretFile(folder.file('pipe'))).toThrow(/^the secret file \S+ is no regular file$/);
  });

  it('may be behind symbolic links, as in a volume of Kubernetes', async () => {
    await using folder = await temporaryFolder({ '..2026_11_21/redis': 'hunter2' });
    await symlink('..2026_11_21', folder.file('..data'));
    await symlink('..data/redis', folder.file('redis'));
    expect(readSecretFile(folder.file('redis'))).toBe('hunter2');
  });

  it.skipIf(process.getuid?.() === 0)('is refused where this user may not read it', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': redisWith('passwordFile: ./shut'), shut: 'hunter2' });
    await chmod(folder.file('shut'), 0);
    expect(problemsOf({ cwd: folder.path })).toEqual([
      expect.stringContaining('redis.passwordFile: found "./shut", which may not be read by this user'),
    ]);
  });
});
