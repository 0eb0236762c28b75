import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createSecretKey } from 'node:crypto';
import { jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { verifyPassword } from '../../src/auth/password-hash.ts';
import { runCarillon } from '../support/run-carillon.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const script = fileURLToPath(new URL('../../scripts/configuration-reference.mjs', import.meta.url));
const secret = 'a secret of at least thirty-two bytes';
const withToken = `apps: {chat: {urls: [/chat], auth: {type: token, secret: ${secret}}}}`;
const rules = [
  'subscriptions:',
  '  - pattern: /a/*',
  '    history: {size: 100, ttl: 60}',
  '    slowConsumer: resync',
  '  - {pattern: "*", presence: false}',
].join('\n');

async function verify(token: string, key: string = secret): Promise<Record<string, unknown>> {
  return (await jwtVerify(token.trim(), createSecretKey(Buffer.from(key)), { algorithms: ['HS256'] })).payload;
}

describe('carillon', () => {
  it('tells its version and its commands', async () => {
    const cwd = '/';
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await runCarillon(['--version'], { cwd })).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
    const help = await runCarillon(['--help'], { cwd });
    expect(help.exitCode).toBe(0);
    for (const command of ['serve', 'check', 'print-config', 'token', 'hash-password']) {
      expect(help.stdout).toContain(`  ${command}`);
    }
  });

  it.each([
    [['chekc'], "carillon: unknown command 'chekc'\n(Did you mean check?)\n"],
    [['--prot', '80'], "carillon: unknown option '--prot'\n(Did you mean --port?)\n"],
    [['serve', '--port'], "carillon: option '--port <port>' argument missing\n"],
    [['serve', 'carillon.yaml'], "carillon: too many arguments for 'serve'. Expected 0 arguments but got 1.\n"],
    [['token'], "carillon: required option '--user <name>' not specified\n"],
  ])('refuses %j with 2', async (args, stderr) => {
    await using folder = await temporaryFolder();
    expect(await runCarillon(args, { cwd: folder.path })).toEqual({ exitCode: 2, stdout: '', stderr });
  });
});

describe('carillon serve', () => {
  it('starts nothing with a bad configuration, and says all that is bad', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': 'prot: 80\napps: {chat: {urls: [chat]}}' });
    const env = { CARILLON_WORKERS: 'many' };
    const ran = await runCarillon(['--operations-port', 'x', '--log-directory', 'logs'], { cwd: folder.path, env });
    expect(ran).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: [
        'carillon: the configuration has 4 problems, nothing was started',
        '  carillon.yaml:1:1: prot: unknown key, expected one of host, port, node, workers, operations, tls, log, http, limits, heartbeat, compression, fanOut, closeTimeoutMs, accept, drain, redis, subscriptions, apps; did you mean "port"?',
        '  carillon.yaml:2:22: apps.chat.urls[0]: found "chat", expected a URL path that begins with "/"; did you mean "/chat"?',
        '  CARILLON_WORKERS: workers: found "many", expected an integer from 0 to 1024 (worker processes)',
        '  --operations-port: operations.port: found "x", expected an integer from 0 to 65535',
        '',
      ].join('\n'),
    });
    await expect(readFile(folder.file('logs/error.log'))).rejects.toThrow('ENOENT');
  });

  it('runs the demo without a file, and says so', async () => {
    await using folder = await temporaryFolder();
    const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CARILLON_'));
    const child = spawn(process.execPath, [main, '--port', '0', '--operations-port', '0'], {
      cwd: folder.path,
      env: { ...Object.fromEntries(inherited), CARILLON_WORKERS: '0' },
    });
    const ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('Ctrl-C stops it.')) child.kill('SIGTERM');
      });
    }
    const force = setTimeout(() => child.kill('SIGKILL'), 30_000);
    const exitCode = await ended;
    clearTimeout(force);
    expect(output).toContain('the demo configuration');
    for (const url of ['/websocket/chat', '/websocket/echo', '/admin/websocket/log-view'])
      expect(output).toContain(url);
    expect(exitCode).toBe(0);
  });
});

describe('carillon check', () => {
  it('sums a good configuration up in a line', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': `${withToken}\nworkers: 1\nhost: "::1"` });
    const cwd = folder.path;
    const stdout = 'ok: carillon.yaml: chat at /chat; http on [::1]:8080; operations on 127.0.0.1:9080; 1 worker\n';
    expect(await runCarillon(['check'], { cwd })).toEqual({ exitCode: 0, stdout, stderr: '' });
    expect(await runCarillon(['check', 'carillon.yaml'], { cwd })).toEqual({ exitCode: 0, stdout, stderr: '' });
    const demo = await runCarillon(['check', '--workers', '0'], { cwd: '/' });
    expect(demo.stdout).toBe(
      'ok: the demo configuration: echo at /websocket/echo, chat at /websocket/chat, log-view at /admin/websocket/log-view; http on 127.0.0.1:8080; operations on 127.0.0.1:9080; one process\n',
    );
  });

  it('says where Redis is, without its password', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': 'workers: 1' });
    const env = { CARILLON_REDIS_URL: 'rediss://alice:hunter2@[::1]:6380/1' };
    const { stdout } = await runCarillon(['check'], { cwd: folder.path, env });
    expect(stdout).toMatch(/; 1 worker; Redis at \[::1\]:6380, TLS\n$/);
    expect(stdout).not.toContain('hunter2');
  });

  it('explains what holds for a subscription', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': rules });
    const { stdout, exitCode } = await runCarillon(['check', '--subscription', '/a/b'], { cwd: folder.path });
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').slice(1)).toEqual([
      '"/a/b":',
      '  history: size 100, ttl 60 ("/a/*", carillon.yaml:3)',
      '  presence: true (default)',
      '  slowConsumer: resync ("/a/*", carillon.yaml:4)',
      '',
    ]);
  });

  it.each([
    ['all', '"all" is reserved: every connection is in it'],
    ['carillon:nodes', 'the name "carillon:nodes" is reserved: names that begin with "carillon:" are Carillon\'s own'],
    ['', 'a subscription needs a name, found ""'],
  ])('explains nothing of %j, which nobody can subscribe to', async (name, why) => {
    for (const command of ['check', 'print-config']) {
      expect(await runCarillon([command, '--subscription', name], { cwd: '/' })).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: `carillon: --subscription: ${why}\n`,
      });
    }
  });

  it('lists what is wrong with a bad one', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': 'apps: {log-view: {urls: [/logs]}}' });
    expect(await runCarillon(['check'], { cwd: folder.path })).toEqual({
      exitCode: 2,
      stdout: '',
      stderr:
        'carillon: the configuration has a problem, nothing was started\n' +
        '  carillon.yaml:1:8: apps.log-view: found logs shown to anybody, expected "auth" (type basic, token or loopback), or "public: true" if everybody may read them\n',
    });
  });
});

describe('carillon print-config', () => {
  it('prints YAML with origins, JSON that Carillon reads again, and the schema', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': 'port: 80' });
    const cwd = folder.path;
    const yaml = await runCarillon(['print-config', '--node', 'a'], { cwd, env: { CARILLON_WORKERS: '3' } });
    expect(yaml.stderr).toBe('');
    expect(yaml.stdout).toContain('port: 80 # carillon.yaml:1\nnode: a # --node\nworkers: 3 # CARILLON_WORKERS\n');
    const json = await runCarillon(['print-config', '--node', 'a', '--workers', '3', '--json'], { cwd });
    expect(JSON.parse(json.stdout)).toEqual(parse(yaml.stdout));
    await using other = await temporaryFolder({ 'carillon.json': json.stdout });
    const again = await runCarillon(['print-config', '--json'], { cwd: other.path });
    expect(again.stdout).toBe(json.stdout);
    const schema = await runCarillon(['print-config', '--schema'], { cwd });
    expect(JSON.parse(schema.stdout)).toMatchObject({ properties: { port: { default: 8080 } } });
  });

  it('prints what holds for a subscription', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': rules });
    const cwd = folder.path;
    const args = ['print-config', '--subscription', '/a/b'];
    expect(await runCarillon(args, { cwd })).toEqual({
      exitCode: 0,
      stdout:
        'history: { size: 100, ttl: 60 } # "/a/*", carillon.yaml:3\npresence: true # default\nslowConsumer: resync # "/a/*", carillon.yaml:4\n',
      stderr: '',
    });
    const json = await runCarillon([...args, '--json'], { cwd });
    expect(JSON.parse(json.stdout)).toEqual({
      history: { size: 100, ttl: 60 },
      presence: true,
      slowConsumer: 'resync',
    });
  });

  it('masks secrets', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': withToken });
    for (const args of [['print-config'], ['print-config', '--json']]) {
      const { stdout } = await runCarillon(args, { cwd: folder.path });
      expect(stdout).toContain('********');
      expect(stdout).not.toContain(secret);
    }
  });
});

describe('carillon token', () => {
  it("signs with the configuration's secret", async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': withToken });
    const { stdout, exitCode } = await runCarillon(['token', '--user', 'alice', '--ttl', '15m'], { cwd: folder.path });
    expect(exitCode).toBe(0);
    const { sub, iat, exp } = await verify(stdout);
    expect(sub).toBe('alice');
    expect(Number(exp) - Number(iat)).toBe(15 * 60);
  });

  it("signs with a variable's secret, without a configuration", async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': 'broken: [' });
    const key = 'x'.repeat(32);
    const args = ['token', '--user', 'bob', '--secret-env', 'TOKEN_SECRET'];
    const { stdout } = await runCarillon(args, { cwd: folder.path, env: { TOKEN_SECRET: key } });
    expect((await verify(stdout, key))['sub']).toBe('bob');
    const unset = await runCarillon(args, { cwd: folder.path });
    expect(unset).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'carillon: --secret-env: the variable TOKEN_SECRET is not set\n',
    });
  });

  it('asks which app where they have different secrets, and says what it lacks', async () => {
    const two = `${withToken.slice(0, -1)}, echo: {auth: {type: token, secret: ${'y'.repeat(32)}}}}`;
    await using folder = await temporaryFolder({ 'carillon.yaml': two });
    const run = (...args: string[]): ReturnType<typeof runCarillon> =>
      runCarillon(['token', '--user', 'a', ...args], { cwd: folder.path });
    expect((await run()).stderr).toBe('carillon: apps have different secrets; choose with --app echo or --app chat\n');
    expect((await verify((await run('--app', 'echo')).stdout, 'y'.repeat(32)))['sub']).toBe('a');
    expect((await run('--app', 'log-view')).stderr).toContain('"log-view" is no app that has "auth: {type: token}"');
    expect((await run('--ttl', '5x')).stderr).toContain(
      '--ttl is "5x", expected a duration such as 90s, 15m, 1h or 7d',
    );
  });
});

describe('carillon hash-password', () => {
  it('hashes what comes on standard input', async () => {
    const { exitCode, stdout, stderr } = await runCarillon(['hash-password'], { cwd: '/', stdin: 'correct horse\n' });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await verifyPassword('correct horse', stdout.trim())).toBe(true);
    expect(await verifyPassword('correct horse\n', stdout.trim())).toBe(false);
  });

  it.each([
    ['', 'the password is empty'],
    ['\n', 'the password is empty'],
    ['a\nb\n', 'standard input has more than one line'],
    ['x'.repeat(2000), 'the password has more than 1024 bytes'],
  ])('refuses %j', async (stdin, why) => {
    const ran = await runCarillon(['hash-password'], { cwd: '/', stdin });
    expect(ran).toEqual({ exitCode: 2, stdout: '', stderr: `carillon: ${why}\n` });
  });
});

describe('the reference in docs/configuration.md', () => {
  it('is what the code says', async () => {
    const child = spawn(process.execPath, [script, '--check'], { stdio: 'inherit' });
    expect(await new Promise((resolve) => child.once('close', (code) => resolve(code)))).toBe(0);
  });
});
