import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { renderConfig } from '../../src/config/render-config.ts';
import { maskSecrets } from '../../src/config/secrets.ts';
import { problemsOf, problemsOfFile } from '../support/config-problems.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const place = 'one place only: url, host and port, sentinels, or cluster';
const anyUrl = 'a URL such as "redis://user:password@host:6379/0", or "rediss://…" for TLS';
const seed = '"host:port" such as "10.0.0.1:6379" or "[::1]:6379", or an object with "host" and "port"';
const credential = 'a text that is not empty, in quotes where it is all digits';

describe('the redis section', () => {
  it('is not there unless somebody says so', async () => {
    await using folder = await temporaryFolder();
    expect(loadConfig({ cwd: folder.path }).config).not.toHaveProperty('redis');
    // What Kubernetes tells of a service named carillon-redis is not for us.
    const env = {
      CARILLON_REDIS_SERVICE_HOST: '10.0.0.1',
      CARILLON_REDIS_SERVICE_PORT: '6379',
      CARILLON_REDIS_PORT: 'tcp://10.0.0.1:6379',
      CARILLON_REDIS_PORT_6379_TCP_ADDR: '10.0.0.1',
    };
    expect(loadConfig({ cwd: folder.path, env }).config).not.toHaveProperty('redis');
  });

  it('is there with its defaults once CARILLON_REDIS_URL is set, beside the demo and beside a file', async () => {
    const env = { CARILLON_REDIS_URL: 'rediss://alice:s%40cret@[::1]:6380/2' };
    const redis = {
      url: env.CARILLON_REDIS_URL,
      channelPrefix: '',
      keyPrefix: 'carillon:',
      connectTimeoutMs: 2000,
      commandTimeoutMs: 2000,
      detectionMs: 5000,
      presenceTtl: 30,
    };
    await using none = await temporaryFolder();
    const demo = loadConfig({ cwd: none.path, env });
    expect(demo.config.redis).toEqual(redis);
    expect(demo.config.apps.chat?.urls).toEqual(['/websocket/chat']);
    await using some = await temporaryFolder({ 'carillon.yaml': 'redis: {url: "redis://elsewhere", db: 1}' });
    expect(loadConfig({ cwd: some.path, env }).config.redis).toEqual({ ...redis, db: 1 });
  });

  it('takes a variable for each of its values', async () => {
    await using folder = await temporaryFolder();
    const env = {
      CARILLON_REDIS_HOST: 'redis.example.com',
      CARILLON_REDIS_PORT: '6380',
      CARILLON_REDIS_USERNAME: 'alice',
      CARILLON_REDIS_PASSWORD: '12345',
      CARILLON_REDIS_DB: '3',
      CARILLON_REDIS_KEY_PREFIX: 'bells:',
      CARILLON_REDIS_CHANNEL_PREFIX: 'b:',
      CARILLON_REDIS_PUBLISH_QUEUE_MESSAGES: '100',
      CARILLON_REDIS_PUBLISH_QUEUE_SECONDS: '5',
      CARILLON_REDIS_TLS_SERVER_NAME: 'redis.internal',
    };
    expect(loadConfig({ cwd: folder.path, env }).config.redis).toMatchObject({
      host: 'redis.example.com',
      port: 6380,
      username: 'alice',
      password: '12345',
      db: 3,
      keyPrefix: 'bells:',
      channelPrefix: 'b:',
      publishQueue: { messages: 100, bytes: 16 * 1024 * 1024, seconds: 5 },
      tls: { serverName: 'redis.internal' },
    });
  });

  it('takes nodes as people write them, and says where they are written', async () => {
    await using folder = await temporaryFolder({
      'carillon.yaml':
        'redis:\n  cluster:\n    - 10.0.0.1:7000\n    - "[::1]:7001"\n    - ::1\n    - redis-1\n    - {host: redis-2}\n',
      'sentinels.yaml': 'redis: {sentinels: {name: main, nodes: [a, b:5000]}}',
    });
    const loaded = loadConfig({ cwd: folder.path });
    expect(loaded.config.redis?.cluster).toEqual([
      { host: '10.0.0.1', port: 7000 },
      { host: '::1', port: 7001 },
      { host: '::1', port: 6379 },
      { host: 'redis-1', port: 6379 },
      { host: 'redis-2', port: 6379 },
    ]);
    expect(renderConfig(loaded)).toContain('    - host: ::1 # carillon.yaml:4\n      port: 7001 # carillon.yaml:4\n');
    const { redis } = loadConfig({ cwd: folder.path, flags: { config: 'sentinels.yaml' } }).config;
    expect(redis?.sentinels?.nodes).toEqual([
      { host: 'a', port: 26_379 },
      { host: 'b', port: 5000 },
    ]);
  });

  it('waits for an answer no longer than for the detection', async () => {
    await using folder = await temporaryFolder();
    const env = { CARILLON_REDIS_DETECTION_MS: '500' };
    expect(loadConfig({ cwd: folder.path, env }).config.redis).toMatchObject({ commandTimeoutMs: 500 });
  });

  it('holds absolute paths', async () => {
    const pair = await selfSignedCertificate();
    await using folder = await temporaryFolder({
      'etc/carillon.yaml':
        'redis: {tls: {ca: cert.pem}, sentinels: {name: m, nodes: [a], tls: {cert: cert.pem, key: key.pem}}}',
      'etc/cert.pem': pair.cert,
      'etc/key.pem': pair.key,
    });
    const { redis } = loadConfig({ cwd: folder.path, flags: { config: 'etc/carillon.yaml' } }).config;
    const cert = folder.file('etc/cert.pem');
    expect(redis?.tls).toEqual({ ca: cert });
    expect(redis?.sentinels?.tls).toEqual({ cert, key: folder.file('etc/key.pem') });
  });

  it('is printed without its passwords', async () => {
    await using folder = await temporaryFolder({
      'one.yaml': 'redis: {url: "redis://alice:hunter2@h:6380/1", password: hunter2}',
      'two.yaml': 'redis: {url: "rediss://hunter2@h"}',
      'three.yaml': 'redis: {password: hunter2, sentinels: {name: m, nodes: [h], username: s, password: hunter2}}',
    });
    const printed = (config: string): string => {
      const loaded = loadConfig({ cwd: folder.path, flags: { config } });
      return renderConfig(loaded) + JSON.stringify(maskSecrets(loaded.config));
    };
    expect(printed('one.yaml')).toContain('url: redis://alice:********@h:6380/1 # one.yaml:1\n');
    expect(printed('two.yaml')).toContain('url: rediss://********@h # two.yaml:1\n');
    for (const file of ['one.yaml', 'two.yaml', 'three.yaml']) expect(printed(file)).not.toContain('hunter2');
    expect(printed('three.yaml')).toContain('      username: s #'.trim());
  });
});

describe('a redis section', () => {
  it.each([
    ['nothing', 'redis:', 'redis: found nothing, expected an object such as {url: "redis://127.0.0.1:6379"}'],
    [
      'its URL alone',
      'redis: redis://:hunter2@h',
      'redis: found "redis://:********@h", expected an object such as {url: "redis://127.0.0.1:6379"}',
    ],
    [
      'a URL without a scheme',
      'redis: {url: "h:6379"}',
      `redis.url: found "h:6379", expected ${anyUrl}; did you mean "redis://h:6379"?`,
    ],
    [
      'a URL of another scheme',
      'redis: {url: "https://h/"}',
      `redis.url: found "https://h/", expected ${anyUrl}; did you mean "rediss://h:6379"?`,
    ],
    ['a URL without a host', 'redis: {url: "redis:///1"}', 'redis.url: found "redis:///1", expected a URL with a host'],
    [
      'a URL with a path that is no database',
      'redis: {url: "redis://h/zero"}',
      'redis.url: found "redis://h/zero", expected a URL with nothing or the number of a database, 0 to 65535, behind the host',
    ],
    [
      'a URL whose password is not encoded',
      'redis: {url: "redis://:hun/ter2@h"}',
      `redis.url: found ********, expected ${anyUrl}, with special characters of the password as %XX`,
    ],
    [
      'a URL that ends within its password',
      'redis: {url: "redis://alice@h?hunter2"}',
      'redis.url: found ********, expected a URL without query and fragment, with "?" and "#" of the password as %3F and %23',
    ],
    [
      'a URL with a percent sign that encodes nothing',
      'redis: {url: "redis://:hunter2%@h"}',
      'redis.url: found "redis://:********@h", expected a URL whose "%" are followed by two hexadecimal digits',
    ],
    [
      'a URL with an impossible host',
      'redis: {url: "redis://1.2.3.400"}',
      `redis.url: found "redis://1.2.3.400", expected ${anyUrl}, with special characters of the password as %XX`,
    ],
    [
      'a URL for a host',
      'redis: {host: "redis://:hunter2@h"}',
      'redis.host: found "redis://:********@h", expected an IP address or host name, without a port',
    ],
    [
      'a host in brackets',
      'redis: {host: "[::1]"}',
      'redis.host: found "[::1]", expected an IP address or host name, without a port; did you mean "::1"?',
    ],
    ['a port that is none', 'redis: {port: 0}', 'redis.port: found 0, expected an integer from 1 to 65535'],
    [
      'a URL and a host with its port',
      'redis: {url: "redis://h", host: i, port: 5}',
      `redis.host: found "i" besides redis.url, expected ${place}`,
      `redis.port: found 5 besides redis.url, expected ${place}`,
    ],
    [
      'sentinels and a cluster',
      'redis: {sentinels: {name: m, nodes: [a]}, cluster: [b]}',
      `redis.cluster: found a list besides redis.sentinels, expected ${place}`,
    ],
    [
      'a database of a cluster',
      'redis: {cluster: [a], db: 1}',
      'redis.db: found 1 besides redis.cluster, expected none, as a Redis Cluster has only database 0',
    ],
    ['a number for a password', 'redis: {password: 12345}', `redis.password: found ********, expected ${credential}`],
    [
      'a user without a password',
      'redis: {username: alice, sentinels: {name: m, nodes: [a], username: bob}}',
      'redis.username: found "alice", which has no password, expected redis.password as well',
      'redis.sentinels.username: found "bob", which has no password, expected redis.sentinels.password as well',
    ],
    [
      'TLS by a word',
      'redis: {tls: true}',
      'redis.tls: found true, expected an object, {} for TLS with nothing special',
    ],
    [
      'TLS files that are not there or hold something else',
      'redis: {tls: {ca: /etc/hosts, cert: none.pem}}',
      'redis.tls.ca: found "/etc/hosts", which holds no certificate, expected a PEM file with the authorities to trust',
      'redis.tls.cert: found "none.pem", which does not exist, expected a readable PEM file with the certificate chain',
      'redis.tls.cert: found "none.pem", which is nothing without redis.tls.key, expected both or none',
    ],
    ['no seeds', 'redis: {cluster: []}', 'redis.cluster: found an empty list, expected at least one seed node'],
    [
      'no sentinels',
      'redis: {sentinels: {nodes: []}}',
      'redis.sentinels.name: missing, expected the name under which the sentinels know the primary',
      'redis.sentinels.nodes: found an empty list, expected at least one sentinel',
    ],
    [
      'one seed that is no list',
      'redis: {cluster: "a:1"}',
      'redis.cluster: found "a:1", expected a list of seed nodes',
    ],
    [
      'seeds that are none',
      'redis: {cluster: [a:99999, redis://h:7000, "::1:7000:", {hst: a}, 5, {host: a, port: x}]}',
      `redis.cluster[0]: found "a:99999", expected ${seed}`,
      `redis.cluster[1]: found "redis://h:7000", expected ${seed}; did you mean "h:7000"?`,
      `redis.cluster[2]: found "::1:7000:", expected ${seed}`,
      'redis.cluster[3].host: missing, expected an IP address or host name, without a port',
      'redis.cluster[3].hst: unknown key, expected one of host, port; did you mean "host"?',
      `redis.cluster[4]: found 5, expected ${seed}`,
      'redis.cluster[5].port: found "x", expected an integer from 1 to 65535',
    ],
    [
      'a seed twice',
      'redis: {cluster: [A, b, "a:6379", {host: b}]}',
      'redis.cluster[2]: found "a:6379", which is also redis.cluster[0], expected each node once',
      'redis.cluster[3]: found an object, which is also redis.cluster[1], expected each node once',
    ],
    [
      'a key prefix with braces or of nothing',
      'redis: {keyPrefix: "{x}"}',
      'redis.keyPrefix: found "{x}", expected a text without braces that is not empty',
    ],
    [
      'a detection too fast',
      'redis: {detectionMs: 499}',
      'redis.detectionMs: found 499, expected an integer from 500 to 60000 (milliseconds)',
    ],
    [
      'answers that come after the detection',
      'redis: {commandTimeoutMs: 5001}',
      'redis.commandTimeoutMs: found 5001, more than redis.detectionMs (by default 5000), expected at most 5000 (milliseconds)',
    ],
    [
      'half a queue',
      'redis: {publishQueue: {messages: 5}}',
      'redis.publishQueue.seconds: missing, expected an integer from 1 to 3600 (seconds)',
    ],
  ])('with %s is refused', async (_what, content, ...problems) => {
    const found = await problemsOfFile(content);
    expect(found.map((line) => line.replace(/^carillon\.yaml:\d+:\d+: /, ''))).toEqual(problems);
  });

  it('is blamed where a variable says another place', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': 'redis:\n  host: a' });
    expect(problemsOf({ cwd: folder.path, env: { CARILLON_REDIS_URL: 'redis://b' } })).toEqual([
      `carillon.yaml:2:9: redis.host: found "a" besides redis.url (CARILLON_REDIS_URL), expected ${place}`,
    ]);
  });

  it('may have its password beside the user, wherever each is', async () => {
    expect(await problemsOfFile('redis: {url: "redis://:pw@h", username: alice}')).toEqual([]);
    expect(await problemsOfFile('redis: {url: "redis://alice@h", password: pw}')).toEqual([]);
  });

  it('is what a key of it, written elsewhere, may have meant, unless an app is likelier', async () => {
    const [root] = await problemsOfFile('keyPrefix: x');
    expect(root).toMatch(/did you mean "redis.keyPrefix"\?$/);
    const [inApp] = await problemsOfFile('apps: {chat: {auth: {type: loopback, password: x}}}');
    expect(inApp).toBe('carillon.yaml:1:38: apps.chat.auth.password: unknown key, expected type');
  });
});
