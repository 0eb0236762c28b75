import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/auth/password-hash.ts';
import { httpGet, tryHandshake, type HttpAnswer } from '../support/http-get.ts';
import { runCarillon } from '../support/run-carillon.ts';
import { Product, startProduct, type ProductConfig } from '../support/start-product.ts';
import { startRedis } from '../support/start-redis.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

/** Is in every secret below, so that one search finds any of them. */
const mark = 'Pssst42';
const redisPassword = `${mark}-redis`;
const tokenSecret = `${mark}-a-secret-of-at-least-thirty-two-bytes`;
const password = `${mark}-password`;
const wrongToken = `eyJhbGciOiJIUzI1NiJ9.${mark}.${mark}`;

const everything = {
  debug: true,
  'carillon:handshake': true,
  'carillon:subscription': true,
  'carillon:message': true,
  'carillon:broker': true,
};

/** What would give the secrets away: the mark in them, what it is in a Basic header, the hash of a password. */
function traces(hash: string): readonly string[] {
  const basic = (credentials: string): string => Buffer.from(credentials).toString('base64').slice(0, 16);
  return [mark, basic(`ada:${password}`), basic(`ada:${mark}-wrong`), hash, hash.split('$').at(-1) ?? hash];
}

function expectNoTrace(seen: Readonly<Record<string, string>>, hash: string): void {
  for (const [where, text] of Object.entries(seen)) {
    for (const trace of traces(hash)) expect(text.toLowerCase(), where).not.toContain(trace.toLowerCase());
  }
}

function configOf(redis: Readonly<Record<string, unknown>>, hash: string): ProductConfig {
  return {
    redis: { host: '127.0.0.1', detectionMs: 500, connectTimeoutMs: 500, ...redis },
    log: { directory: 'logs', severities: everything },
    workers: 1,
    apps: {
      chat: { urls: ['/basic'], auth: { type: 'basic', users: { ada: hash } } },
      echo: { urls: ['/token'], auth: { type: 'token', secretFile: 'token' } },
    },
  };
}

/** Offers every kind of credential in every place, good and bad. */
async function offerCredentials(product: Product): Promise<readonly HttpAnswer[]> {
  const basic = (user: string): string => `Basic ${Buffer.from(user).toString('base64')}`;
  const offers: readonly (readonly [path: string, headers: Readonly<Record<string, string>>])[] = [
    ['/basic', { Authorization: basic(`ada:${password}`) }],
    ['/basic', { Authorization: basic(`ada:${mark}-wrong`) }],
    ['/basic', { Authorization: `Basic ${mark}` }],
    ['/token', { Authorization: `Bearer ${wrongToken}` }],
    ['/token', { Cookie: `carillon_token=${wrongToken}; session=${mark}` }],
    [`/token?token=${wrongToken}`, { Referer: `https://example.com/?token=${wrongToken}` }],
    [`/token?x=1&%74ok%65n=${wrongToken}&y=2`, {}],
    [`/token?token=${mark}`, {}],
    [`/nowhere?token=${mark}`, {}],
  ];
  const answers: HttpAnswer[] = [];
  for (const [path, headers] of offers) {
    answers.push(await httpGet(product.url(path), headers), await tryHandshake(product.url(path), headers));
  }
  return answers;
}

/** All that can be seen of a node from outside: its answers, its logs, and what it prints. */
async function visible(product: Product, answers: readonly HttpAnswer[]): Promise<Readonly<Record<string, string>>> {
  const paths = ['/metrics', '/metrics/workers', '/ready', '/nodes', `/nowhere?token=${mark}`];
  const operations = await Promise.all(
    paths.map(async (path) => [path, await (await fetch(product.operationsUrl(path))).text()] as const),
  );
  return {
    ...Object.fromEntries(operations),
    answers: JSON.stringify(answers),
    stdout: product.stdout,
    stderr: product.stderr,
    'error log': await product.logged(),
    'access log': await readFile(product.folder.file('logs/access.log'), 'utf8'),
  };
}

describe('secrets', () => {
  it('are in no log, no metric and no answer, with every logger on and whatever goes wrong', async () => {
    const hash = await hashPassword(password);
    await using redis = await startRedis();
    await redis.admin.config('SET', 'requirepass', redisPassword);
    await using product = await startProduct(configOf({ port: redis.port, passwordFile: 'redis' }, hash), {
      redis: `${redisPassword}\n`,
      token: tokenSecret,
    });
    const answers = await offerCredentials(product);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([101, 401, 404, 426]));
    // From now on the password is wrong.
    await redis.admin.config('SET', 'requirepass', `${mark}-other`);
    for (const kind of ['normal', 'pubsub']) await redis.admin.call('CLIENT', 'KILL', 'TYPE', kind, 'SKIPME', 'yes');
    await until(async () => (await product.logged()).includes('WRONGPASS'), { what: 'Redis refuses the password' });
    await until(async () => (await product.readiness()).reasons.length > 0, { what: '/ready says why' });
    await until(async () => {
      const lines = await readFile(product.folder.file('logs/access.log'), 'utf8');
      return lines.split('\n').length > answers.length;
    });
    const seen = await visible(product, answers);
    expect(seen['error log']).toContain('"event":"redis-unavailable"');
    expect(seen['error log']).toContain('"event":"handshake"');
    expect(seen['access log']).toContain('?token=*** HTTP/1.1" 401 ');
    expectNoTrace(seen, hash);
  });

  it('are not told where a Redis repeats what it was asked', async () => {
    // As one does that knows neither, such as a proxy for Redis or a server with renamed commands.
    await using redis = await startRedis({ args: ['--rename-command', 'HELLO', '', '--rename-command', 'AUTH', ''] });
    await using product = await Product.spawn(
      configOf({ port: redis.port, username: 'ada', password: redisPassword }, await hashPassword(password)),
      { token: tokenSecret },
    );
    await until(async () => (await product.logged()).includes('unknown command'), { what: 'Redis has answered' });
    expect(await product.logged()).not.toContain(mark);
    expect(product.stdout + product.stderr).not.toContain(mark);
  });

  it('are masked in the printed configuration and in what is wrong with one', async () => {
    const hash = await hashPassword(password);
    const configs = [
      configOf({ password: redisPassword }, hash),
      { redis: { url: `redis://ada:${redisPassword}@127.0.0.1:6379` }, prot: 1 },
      { redis: { password: redisPassword, passwordFile: redisPassword } },
      { apps: { echo: { urls: ['/x'], auth: { type: 'token', secret: mark } } } },
    ];
    for (const [index, config] of configs.entries()) {
      await using folder = await temporaryFolder({ 'carillon.json': JSON.stringify(config), token: tokenSecret });
      for (const command of ['check', 'print-config']) {
        const { stdout, stderr, exitCode } = await runCarillon([command], { cwd: folder.path });
        expect(exitCode === 0, `${command} ${index}`).toBe(index === 0);
        expectNoTrace({ stdout, stderr }, hash);
      }
    }
  });
});
