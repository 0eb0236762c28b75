import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadConfig, type ConfigSources, type LoadedConfig } from '../../src/config/load-config.ts';
import { valueAt } from '../../src/config/path.ts';
import { ConfigError } from '../../src/config/problem.ts';
import { renderConfig } from '../../src/config/render-config.ts';
import { mask, maskSecrets } from '../../src/config/secrets.ts';
import { settings } from '../../src/config/settings.ts';
import { slowConsumerPolicies } from '../../src/gateway/subscription-rules.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const hash = '$scrypt$ln=15,r=8,p=1$mvpQRuLrbtqKANDWvy71UA$qXSnqXk7PH39KQ1k0hPHzpUjWwWcUa+2VgbO9uqPJOo';

/** A configuration or the error that tells why not; anything else is what the tests look for. */
function load(sources: ConfigSources): LoadedConfig | ConfigError {
  try {
    return loadConfig(sources);
  } catch (error) {
    if (error instanceof ConfigError && error.problems.length > 0) return error;
    throw error;
  }
}

/** Everything that Carillon would print about these sources. */
function printed(loaded: LoadedConfig | ConfigError): string {
  return loaded instanceof ConfigError
    ? loaded.message
    : renderConfig(loaded) + JSON.stringify(maskSecrets(loaded.config));
}

const urlSegment = fc.stringMatching(/^[a-z0-9._~-]{1,8}$/).filter((text) => !/^\.{1,2}$/.test(text));
const urls = fc.array(
  fc.array(urlSegment, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`),
  {
    maxLength: 3,
  },
);
const auth = fc.oneof(
  fc.constant({ type: 'loopback' }),
  fc.record({ type: fc.constant('token'), secret: fc.string({ minLength: 32, unit: 'grapheme' }) }),
  fc.record({
    type: fc.constant('basic'),
    users: fc.dictionary(fc.stringMatching(/^[a-z ]{1,8}$/), fc.constant(hash), { noNullPrototype: true }),
    realm: fc.stringMatching(/^[A-Za-z ]{1,20}$/),
  }),
);
const bytes = fc.integer({ min: 1024, max: 1024 * 1024 });
const limits = fc.record({ messageBytes: bytes, outboxBytes: bytes }, { requiredKeys: [] });
const origins = fc.subarray(['*', 'https://example.com', 'http://localhost:3000', 'capacitor://localhost']);
const app = { urls, auth, origins, limits };

const seeds = fc.uniqueArray(
  fc.oneof(
    fc.integer({ min: 1, max: 65_535 }).map((port) => `10.0.0.1:${port}`),
    fc.integer({ min: 1, max: 65_535 }).map((port) => ({ host: '::1', port })),
  ),
  { minLength: 1, maxLength: 3, selector: (seed) => JSON.stringify(seed) },
);
const redisPlaces = fc.oneof(
  fc.record({ url: fc.constantFrom('redis://h', 'rediss://alice:pass%20word@[::1]:6380/3') }),
  fc.record({ host: fc.constantFrom('::1', 'redis-1'), port: fc.integer({ min: 1, max: 65_535 }) }),
  fc.record({ cluster: seeds }),
  fc.record({
    sentinels: fc.record({ name: fc.constant('main'), nodes: seeds, password: fc.string({ minLength: 1 }) }),
  }),
);
const redisRest = fc.record(
  {
    password: fc.string({ minLength: 1 }),
    db: fc.nat(15),
    tls: fc.constant({}),
    keyPrefix: fc.stringMatching(/^[a-z:]{1,8}$/),
    detectionMs: fc.integer({ min: 500, max: 60_000 }),
    commandTimeoutMs: fc.integer({ min: 100, max: 10_000 }),
    publishQueue: fc.constant({ messages: 5, seconds: 1 }),
  },
  { requiredKeys: [] },
);
const slowConsumer = fc.constantFrom(...slowConsumerPolicies);
const subscriptions = fc.array(
  fc.record(
    {
      pattern: fc.stringMatching(/^[a-z*/]{1,4}$/),
      history: fc.oneof(fc.constant(false), fc.constant({ size: 5, ttl: 60 })),
      presence: fc.boolean(),
      slowConsumer,
    },
    { requiredKeys: ['pattern', 'presence'] },
  ),
  { maxLength: 4 },
);

/** Mostly valid: URLs may collide, logs may lack auth, ports may be one. */
const configuration = fc.record(
  {
    host: fc.constantFrom('127.0.0.1', '::1', '0.0.0.0', 'localhost'),
    port: fc.integer({ min: 0, max: 65_535 }),
    node: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,10}$/),
    workers: fc.integer({ min: 0, max: 64 }),
    operations: fc.record({ port: fc.integer({ min: 0, max: 65_535 }) }, { requiredKeys: [] }),
    log: fc.record(
      {
        directory: fc.constantFrom('-', 'logs', '/var/log'),
        severities: fc.dictionary(fc.constantFrom('debug', 'carillon:broker'), fc.boolean(), { noNullPrototype: true }),
      },
      { requiredKeys: [] },
    ),
    limits,
    redis: fc.tuple(redisPlaces, redisRest).map(([where, rest]) => ({ ...where, ...rest })),
    subscriptions,
    compression: fc.record({ enabled: fc.boolean(), level: fc.integer({ min: 1, max: 9 }) }, { requiredKeys: [] }),
    apps: fc.record(
      {
        chat: fc.record({ ...app, slowConsumer }, { requiredKeys: [] }),
        echo: fc.record(app, { requiredKeys: [] }),
        'log-view': fc.record(
          {
            ...app,
            logs: fc.dictionary(fc.stringMatching(/^l[a-z0-9._-]{0,8}$/), fc.constantFrom('a.log', '/var/log/*.log'), {
              noNullPrototype: true,
            }),
            public: fc.boolean(),
            tail: fc.nat(1000),
            slowConsumer,
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

describe('any input to the configuration', () => {
  it('of bytes gives a configuration or problems', async () => {
    await using folder = await temporaryFolder();
    const bytesOrText = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc.string({ unit: 'binary', maxLength: 200 }).map((text) => Buffer.from(text)),
      fc.stringMatching(/^[\n ab:{}[\],&*!?|>"'#%@`~<-]{0,60}$/).map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytesOrText, fc.constantFrom('c.yaml', 'c.json'), (content, config) => {
        writeFileSync(folder.file(config), content);
        printed(load({ cwd: folder.path, flags: { config } }));
      }),
      { numRuns: 500 },
    );
  });

  it('of JSON and YAML values gives a configuration or problems', async () => {
    await using folder = await temporaryFolder();
    const anyValue = fc.jsonValue({ maxDepth: 4 });
    const section = fc.constantFrom(
      'port',
      'operations',
      'tls',
      'log',
      'limits',
      'redis',
      'subscriptions',
      'apps',
      '__proto__',
      'constructor',
    );
    const redis = fc.dictionary(
      fc.constantFrom(
        'url',
        'host',
        'port',
        'username',
        'password',
        'db',
        'tls',
        'sentinels',
        'cluster',
        'publishQueue',
        'channelPrefix',
        'keyPrefix',
        'connectTimeoutMs',
        'commandTimeoutMs',
        'detectionMs',
        'presenceTtl',
        'x',
      ),
      fc.oneof(
        anyValue,
        fc.webUrl(),
        fc.string().map((text) => `redis://${text}`),
        fc.dictionary(fc.constantFrom('name', 'nodes', 'username', 'password', 'tls', 'ca', 'cert', 'key'), anyValue),
        fc.array(fc.oneof(anyValue, fc.string(), fc.record({ host: anyValue, port: anyValue }))),
      ),
    );
    const rules = fc.array(
      fc.oneof(
        anyValue,
        fc.dictionary(fc.constantFrom('pattern', 'history', 'presence', 'slowConsumer', 'x'), anyValue),
        fc.record({ pattern: fc.string(), history: fc.record({ size: anyValue, ttl: anyValue }) }),
      ),
    );
    const apps = fc.dictionary(
      fc.constantFrom('chat', 'echo', 'log-view', 'x'),
      fc.dictionary(fc.constantFrom('urls', 'auth', 'origins', 'limits', 'logs', 'public'), anyValue),
    );
    const root = fc.oneof(
      anyValue,
      fc.dictionary(section, fc.oneof(anyValue, apps)),
      fc.record({ apps }),
      fc.record({ redis }),
      fc.record({ subscriptions: rules }),
    );
    fc.assert(
      fc.property(root, fc.boolean(), (value, asYaml) => {
        const config = asYaml ? 'c.yaml' : 'c.json';
        writeFileSync(folder.file(config), asYaml ? stringify(value) : JSON.stringify(value));
        const loaded = load({ cwd: folder.path, flags: { config } });
        printed(loaded);
        // Whoever wrote an object is told where in it each problem is.
        const isObject = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
        if (isObject && !Array.isArray(value) && loaded instanceof ConfigError) {
          for (const { path } of loaded.problems) expect(path.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('of variables and flags gives a configuration or problems', async () => {
    await using folder = await temporaryFolder();
    const names = settings().flatMap(({ variable }) => variable ?? []);
    const name = fc.oneof(
      fc.constantFrom(...names),
      fc.string().map((text) => `CARILLON_${text}`),
    );
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer().map(String),
      fc.constantFrom('true', 'basic', ''),
    );
    const flag = fc.constantFrom('host', 'port', 'workers', 'node', 'log-directory', 'operations-port');
    fc.assert(
      fc.property(fc.dictionary(name, value), fc.dictionary(flag, value), (variables, flags) => {
        const { CARILLON_CONFIG: _, ...env } = variables;
        printed(load({ cwd: folder.path, env, flags }));
      }),
      { numRuns: 200 },
    );
  });
});

describe('a valid configuration', () => {
  it('is the same after it was printed as JSON and read again', async () => {
    await using folder = await temporaryFolder();
    let valid = 0;
    fc.assert(
      fc.property(configuration, (value) => {
        writeFileSync(folder.file('carillon.yaml'), stringify(value));
        const first = load({ cwd: folder.path });
        if (first instanceof ConfigError) return;
        valid += 1;
        const shown = JSON.stringify(maskSecrets(first.config), null, 2);
        // Puts back what was masked, in the order in which it was masked.
        const secrets = secretsOf(first.config);
        const restored = shown
          .replaceAll(JSON.stringify(mask), () => JSON.stringify(secrets.shift()))
          .replace(`alice:${mask}@`, 'alice:pass%20word@');
        writeFileSync(folder.file('sub.json'), restored);
        expect(loadConfig({ cwd: '/', flags: { config: folder.file('sub.json') } }).config).toEqual(first.config);
      }),
      { numRuns: 200 },
    );
    expect(valid).toBeGreaterThan(25);
  });
});

describe('a secret', () => {
  const secret = 'Xyzzy'.repeat(7);

  it('never shows, whatever else is wrong', async () => {
    await using folder = await temporaryFolder();
    const anything = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constant(undefined));
    const holder = fc.oneof(
      fc.constant(secret),
      fc.record({ type: fc.constant('token'), secret: fc.constant(secret), cookie: anything }),
      fc.record({ type: anything, secret: fc.constant(secret) }, { requiredKeys: ['secret'] }),
      fc.record({ type: fc.constant('basic'), users: fc.constant({ alice: secret, [`bob:${secret}`]: hash }) }),
      fc.record({ type: fc.constant('basic'), users: fc.constant({ [`alice ${secret}`]: null }) }),
      fc.record({ type: fc.constantFrom('basic', 'token', 'loopback'), users: fc.constant(secret) }),
      fc.record({ type: fc.constant('token'), secert: fc.constant(secret), [secret]: anything }),
      fc.record({ type: fc.constant(`token ${secret}`) }),
      fc.constant([secret]),
    );
    const url = fc.constantFrom(
      `redis://:${secret}@h:6379/0`,
      `rediss://alice:${secret}@h`,
      `redis://${secret}@h`,
      `redis://a:${secret}@`,
      `http://a:${secret}@h`,
      `redis://:${secret}/@h`,
      `redis://:x#${secret}@h`,
      `:${secret}@h:6379`,
      `redis://:${secret}`,
      `redis://h?password=${secret}`,
    );
    const credentials = { username: anything, password: fc.oneof(fc.constant(secret), fc.constant([secret])) };
    const redis = fc.oneof(
      url,
      fc.record({ url, ...credentials }, { requiredKeys: [] }),
      fc.record({ host: url, sentinels: fc.record({ name: anything, nodes: anything, ...credentials }) }),
      fc.record({ cluster: fc.oneof(url, fc.array(url)), pasword: fc.constant(secret), [secret]: anything }),
      fc.record({ sentinels: fc.record({ nodes: fc.array(url), secret: fc.constant(secret), [secret]: anything }) }),
      fc.record({ tls: url, password: fc.constant({ [secret]: secret }) }),
    );
    const root = fc.record({
      port: fc.oneof(fc.constant(80), anything),
      redis,
      apps: fc.record({
        chat: fc.record({ urls: fc.oneof(urls, anything), auth: holder }),
        'log-view': fc.record({ urls, auth: holder, logs: anything }),
      }),
    });
    fc.assert(
      fc.property(root, (value) => {
        writeFileSync(folder.file('carillon.yaml'), stringify(value));
        expect(printed(load({ cwd: folder.path }))).not.toContain('Xyzzy');
        const env = {
          CARILLON_APPS_CHAT_AUTH_SECRET: secret,
          CARILLON_APPS_CHAT_AUTH_SECERT: secret,
          CARILLON_REDIS_URL: `redis//:${secret}@h`,
          CARILLON_REDIS_PASSWORD: secret,
          CARILLON_REDIS_HOST: `redis://:${secret}@h`,
        };
        expect(printed(load({ cwd: folder.path, env }))).not.toContain('Xyzzy');
      }),
      { numRuns: 200 },
    );
  });

  it('never shows after a slip of the keyboard', async () => {
    await using folder = await temporaryFolder();
    const texts = [
      `port: 80\napps:\n  chat:\n    urls: [/a]\n    auth:\n      type: token\n      secret: ${secret}\n    limits:\n      messageBytes: 5\n`,
      `apps: {chat: {urls: [/a], auth: {type: token, secret: ${secret}}}}`,
      `apps: {chat: {urls: [/a], auth: {type: basic, users: {alice: ${secret}, bob: "${secret}"}}}}`,
      JSON.stringify({ apps: { chat: { urls: ['/a'], auth: { secret, type: 'token' } } } }, null, 2),
      `redis:\n  url: redis://alice:${secret}@h:6379/1\n  db: 1\nport: 80\n`,
      `redis:\n  host: h\n  username: alice\n  password: ${secret}\n  db: 1\nport: 80\n`,
      `redis: {username: alice, password: ${secret}, sentinels: {name: m, password: ${secret}, nodes: [a]}}`,
      `redis: {url: "redis://:${secret}@h", db: 1}`,
      JSON.stringify({ redis: { url: `rediss://alice:${secret}@h`, password: secret } }),
    ];
    const slip = fc.record({
      text: fc.constantFrom(...texts),
      at: fc.nat(300),
      remove: fc.nat(1),
      insert: fc.constantFrom(
        '',
        '',
        ' ',
        '\n',
        ':',
        ',',
        '{',
        '}',
        '[',
        ']',
        '"',
        "'",
        '#',
        '&',
        '*',
        '!',
        '|',
        '-',
        '_',
        '\t',
      ),
    });
    fc.assert(
      fc.property(slip, fc.constantFrom('c.yaml', 'c.json'), ({ text, at, remove, insert }, config) => {
        writeFileSync(folder.file(config), text.slice(0, at) + insert + text.slice(at + remove));
        expect(printed(load({ cwd: folder.path, flags: { config } }))).not.toContain('XyzzyXyzzy');
      }),
      { numRuns: 1500 },
    );
  });
});

/** Secrets of a configuration in the order of its keys. */
function secretsOf(config: unknown): unknown[] {
  const redis = valueAt(config, ['redis']);
  // In whichever order they were written, the schema's is what is printed.
  const passwords = [valueAt(redis, ['password']), valueAt(redis, ['sentinels', 'password'])];
  const ofApps = ['echo', 'chat', 'log-view'].flatMap((name) => {
    const users = valueAt(config, ['apps', name, 'auth', 'users']);
    const secret = valueAt(config, ['apps', name, 'auth', 'secret']);
    return [...Object.values(users ?? {}), ...(secret === undefined ? [] : [secret])];
  });
  return [...passwords.filter((password) => password !== undefined), ...ofApps];
}
