import { hostname, availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { formatOrigin } from '../../src/config/problem.ts';
import { defaultNode } from '../../src/config/schema.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const secret = 'a secret of at least thirty-two bytes';

describe('the configuration', () => {
  it('is the demo where there is no file', async () => {
    await using folder = await temporaryFolder();
    const { config, file, originOf } = loadConfig({ cwd: folder.path });
    expect(file).toBeUndefined();
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      operations: { host: '127.0.0.1', port: 9080 },
      node: defaultNode(hostname()),
      workers: availableParallelism(),
      log: { directory: folder.file('logs') },
      apps: {
        chat: { urls: ['/websocket/chat'], limits: { messageBytes: 64 * 1024 } },
        echo: {
          urls: ['/websocket/echo'],
          limits: { messageBytes: 16 * 1024 * 1024, outboxBytes: 64 * 1024 * 1024 },
        },
        'log-view': { urls: ['/admin/websocket/log-view'], auth: { type: 'loopback' }, refresh: 250, tail: 100 },
      },
    });
    expect(originOf(['apps', 'chat', 'urls', 0])).toEqual({ kind: 'demo' });
    expect(originOf(['port'])).toEqual({ kind: 'default' });
  });

  it('of a file that lists no URLs has no apps', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': 'port: 80\napps: {chat: {}, log-view: {urls: []}}' });
    const { config } = loadConfig({ cwd: folder.path });
    expect(config.apps.echo).toBeUndefined();
    expect(config.apps.chat?.urls).toEqual([]);
    expect(config.apps['log-view']?.urls).toEqual([]);
  });

  it('is the file, overridden by variables, overridden by flags', async () => {
    await using folder = await temporaryFolder({
      'carillon.yml': 'port: 1\nworkers: 1\nnode: file\nlimits:\n  messageBytes: 100\n',
    });
    const { config, originOf } = loadConfig({
      cwd: folder.path,
      env: {
        CARILLON_PORT: '2',
        CARILLON_WORKERS: '2',
        CARILLON_APPS_LOG_VIEW_TAIL: '7',
        CARILLON_LOG_SEVERITIES_CARILLON_HANDSHAKE: 'true',
        PORT: '5',
      },
      flags: { port: '3', 'log-directory': '-' },
    });
    expect(config).toMatchObject({
      port: 3,
      workers: 2,
      node: 'file',
      limits: { messageBytes: 100, outboxBytes: 4 * 1024 * 1024 },
      log: { directory: '-', severities: { 'carillon:handshake': true, info: true } },
      apps: { 'log-view': { urls: [], tail: 7 } },
    });
    const origins = [['port'], ['workers'], ['node'], ['limits', 'messageBytes'], ['limits', 'outboxBytes']].map(
      (path) => formatOrigin(originOf(path)),
    );
    expect(origins).toEqual(['--port', 'CARILLON_WORKERS', 'carillon.yml:3:7', 'carillon.yml:5:17', 'default']);
  });

  it('of the demo can be overridden too', async () => {
    await using folder = await temporaryFolder();
    const { config, file } = loadConfig({
      cwd: folder.path,
      env: { CARILLON_APPS_CHAT_AUTH_TYPE: 'token', CARILLON_APPS_CHAT_AUTH_SECRET: secret },
      flags: { port: '0' },
    });
    expect(file).toBeUndefined();
    expect(config.port).toBe(0);
    expect(config.apps.chat).toMatchObject({ urls: ['/websocket/chat'], auth: { type: 'token', secret } });
  });

  it('comes from the file that the flag names, else the variable, else the working directory', async () => {
    await using folder = await temporaryFolder({
      'carillon.yaml': 'node: here',
      'a/variable.yaml': 'node: variable',
      'a/flag.json': '{"$schema": "./carillon.schema.json", "node": "flag"}',
    });
    const cwd = folder.path;
    const env = { CARILLON_CONFIG: 'a/variable.yaml' };
    const flags = { config: folder.file('a/flag.json') };
    expect(loadConfig({ cwd })).toMatchObject({ config: { node: 'here' }, file: folder.file('carillon.yaml') });
    expect(loadConfig({ cwd, env })).toMatchObject({
      config: { node: 'variable' },
      file: folder.file('a/variable.yaml'),
    });
    expect(loadConfig({ cwd, env, flags })).toMatchObject({
      config: { node: 'flag' },
      file: folder.file('a/flag.json'),
    });
  });

  it('holds absolute paths: those of the file relative to its folder, others to the working directory', async () => {
    await using folder = await temporaryFolder({
      'etc/carillon.yaml': 'log: {directory: ../log}\napps: {log-view: {logs: {a: ./a/*.log, b: /b.log}}}',
    });
    const config = folder.file('etc/carillon.yaml');
    const fromFile = loadConfig({ cwd: folder.path, flags: { config } }).config;
    expect(fromFile.log.directory).toBe(folder.file('log'));
    expect(fromFile.apps['log-view']?.logs).toEqual({ a: folder.file('etc/a/*.log'), b: '/b.log' });
    const fromFlag = loadConfig({ cwd: folder.path, flags: { config, 'log-directory': 'x' } }).config;
    expect(fromFlag.log.directory).toBe(folder.file('x'));
  });

  it('is frozen throughout', async () => {
    await using folder = await temporaryFolder();
    const { config } = loadConfig({ cwd: folder.path });
    const isFrozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen));
    expect(isFrozen(config)).toBe(true);
  });

  it('may use anchors, a byte order mark, and Windows line ends', async () => {
    await using folder = await temporaryFolder({
      'carillon.yaml':
        '\ufeffapps:\r\n  chat: {urls: [/a], limits: &l {messageBytes: 5}}\r\n  echo: {urls: [/b], limits: *l}\r\n',
    });
    const env = { CARILLON_APPS_ECHO_LIMITS_MESSAGE_BYTES: '6' };
    const { config, originOf } = loadConfig({ cwd: folder.path, env });
    expect(config.apps.chat?.limits?.messageBytes).toBe(5);
    // Though both sections are one object in the file.
    expect(config.apps.echo?.limits?.messageBytes).toBe(6);
    expect(formatOrigin(originOf(['apps', 'chat', 'limits', 'messageBytes']))).toBe('carillon.yaml:2:48');
  });

  it('names a node after its host even where the host has an odd name', () => {
    expect(defaultNode('bells-1.example.com')).toBe('bells-1.example.com');
    expect(defaultNode('-späte_Glocke')).toBe('sp-te_Glocke');
    expect(defaultNode('')).toBe('carillon');
  });
});

describe('the TLS pair', () => {
  it('must be readable, PEM, and belong together', async () => {
    const [one, other] = [await selfSignedCertificate(), await selfSignedCertificate()];
    await using folder = await temporaryFolder({
      'carillon.yaml': 'tls: {cert: cert.pem, key: key.pem}',
      'cert.pem': one.cert,
      'key.pem': one.key,
      'other.pem': other.key,
      'none.pem': 'none',
    });
    const cwd = folder.path;
    const withTls = (variables: Readonly<Record<string, string>>) => () => loadConfig({ cwd, env: variables });
    expect(withTls({})().config.tls).toEqual({ cert: folder.file('cert.pem'), key: folder.file('key.pem') });
    expect(withTls({ CARILLON_TLS_KEY: 'other.pem' })).toThrow(
      'CARILLON_TLS_KEY: tls.key: found "other.pem", which belongs to another certificate, expected the private key of tls.cert',
    );
    expect(withTls({ CARILLON_TLS_KEY: 'none.pem' })).toThrow('holds no private key that can be read');
    // A pipe would be waited for.
    expect(withTls({ CARILLON_TLS_KEY: '/dev/null' })).toThrow('found "/dev/null", which is no regular file');
    expect(withTls({ CARILLON_TLS_CERT: 'none.pem' })).toThrow('holds no certificate');
    expect(withTls({ CARILLON_TLS_CERT: 'missing.pem' })).toThrow('which does not exist');
  });
});
