import { describe, expect, it } from 'vitest';
import { problemsOf, problemsOfFile } from '../support/config-problems.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const rootKeys =
  'host, port, node, workers, operations, tls, log, http, limits, heartbeat, compression, fanOut, closeTimeoutMs, accept, drain, redis, subscriptions, apps';
const hash = '$scrypt$ln=15,r=8,p=1$mvpQRuLrbtqKANDWvy71UA$qXSnqXk7PH39KQ1k0hPHzpUjWwWcUa+2VgbO9uqPJOo';

const badFiles: readonly (readonly [what: string, content: string, ...problems: string[]])[] = [
  [
    'a misspelt key',
    'prot: 80',
    `carillon.yaml:1:1: prot: unknown key, expected one of ${rootKeys}; did you mean "port"?`,
  ],
  [
    'a key in the wrong place',
    'messageBytes: 80',
    `carillon.yaml:1:1: messageBytes: unknown key, expected one of ${rootKeys}; did you mean "limits.messageBytes"?`,
  ],
  [
    'a key in another case',
    'limits: {message_bytes: 80}',
    'carillon.yaml:1:10: limits.message_bytes: unknown key, expected one of messageBytes, outboxBytes, messagesPerSecond, bytesPerSecond, subscriptions; did you mean "messageBytes"?',
  ],
  [
    'an unknown key that is like no other',
    'operations:\n  colour: red',
    'carillon.yaml:2:3: operations.colour: unknown key, expected one of host, port',
  ],
  ['a wrong type', 'port: eighty', 'carillon.yaml:1:7: port: found "eighty", expected an integer from 0 to 65535'],
  ['a fraction', 'port: 80.5', 'carillon.yaml:1:7: port: found 80.5, expected an integer from 0 to 65535'],
  ['a number too large', 'port: 65536', 'carillon.yaml:1:7: port: found 65536, expected an integer from 0 to 65535'],
  [
    'a number too small, with its unit',
    'limits: {outboxBytes: 1}',
    'carillon.yaml:1:23: limits.outboxBytes: found 1, expected an integer from 1024 to 1073741824 (bytes)',
  ],
  ['no value', 'port:', 'carillon.yaml:1:6: port: found nothing, expected an integer from 0 to 65535'],
  ['a list for a section', 'operations: [1]', 'carillon.yaml:1:13: operations: found a list, expected an object'],
  ['an empty section', 'apps:\n  chat:', 'carillon.yaml:2:8: apps.chat: found nothing, expected an object'],
  [
    'a missing value',
    'tls:\n  cert: /etc/hosts',
    'carillon.yaml:1:1: tls.key: missing, expected the path of a file',
    'carillon.yaml:2:9: tls.cert: found "/etc/hosts", which holds no certificate, expected a PEM file with the certificate chain',
  ],
  [
    'an address in brackets',
    'host: "[::1]"',
    'carillon.yaml:1:7: host: found "[::1]", expected an IP address or host name to bind to; did you mean "::1"?',
  ],
  [
    'an impossible address',
    'host: 1.2.3.400',
    'carillon.yaml:1:7: host: found "1.2.3.400", expected an IP address or host name to bind to',
  ],
  [
    'several problems, from the top',
    'workers: -1\nport: x\nlog: {severities: {debgu: true}}',
    'carillon.yaml:1:10: workers: found -1, expected an integer from 0 to 1024 (worker processes)',
    'carillon.yaml:2:7: port: found "x", expected an integer from 0 to 65535',
    'carillon.yaml:3:20: log.severities.debgu: unknown key, expected one of error, warn, info, debug, carillon:handshake, carillon:subscription, carillon:message, carillon:broker; did you mean "debug"?',
  ],
  [
    'the yes of YAML 1.1',
    'compression: {enabled: yes}',
    'carillon.yaml:1:24: compression.enabled: found "yes", expected true or false',
  ],
  [
    'an unknown app',
    'apps: {caht: {}}',
    'carillon.yaml:1:8: apps.caht: unknown key, expected one of echo, chat, log-view; did you mean "chat"?',
  ],
  [
    'URLs that are none',
    'apps:\n  chat:\n    urls:\n' +
      ['chat', '/chat/', '/a//b', '/a/../b', '/a?b', 'http://host/x', '/Ж', '/%2e/x', '""', '5', '/rooms/*']
        .map((url) => `      - ${url}\n`)
        .join(''),
    'carillon.yaml:4:9: apps.chat.urls[0]: found "chat", expected a URL path that begins with "/"; did you mean "/chat"?',
    'carillon.yaml:5:9: apps.chat.urls[1]: found "/chat/", expected a URL path without "/" at its end; did you mean "/chat"?',
    'carillon.yaml:6:9: apps.chat.urls[2]: found "/a//b", expected a URL path without "//"; did you mean "/a/b"?',
    'carillon.yaml:7:9: apps.chat.urls[3]: found "/a/../b", expected a URL path without "." and ".." segments; did you mean "/b"?',
    'carillon.yaml:8:9: apps.chat.urls[4]: found "/a?b", expected a URL path without query or fragment; did you mean "/a"?',
    'carillon.yaml:9:9: apps.chat.urls[5]: found "http://host/x", expected a URL path that begins with "/"; did you mean "/x"?',
    'carillon.yaml:10:9: apps.chat.urls[6]: found "/Ж", expected a URL path of letters, digits, any of -._~!$()+,;=:@ and percent-encodings; did you mean "/%D0%96"?',
    'carillon.yaml:11:9: apps.chat.urls[7]: found "/%2e/x", expected a URL path without "." and ".." segments; did you mean "/x"?',
    'carillon.yaml:12:9: apps.chat.urls[8]: found "", expected a URL path that begins with "/"',
    'carillon.yaml:13:9: apps.chat.urls[9]: found 5, expected a URL path that begins with "/"',
    'carillon.yaml:14:9: apps.chat.urls[10]: found "/rooms/*", expected a URL path without "*", which stands for anything in the patterns of "subscriptions"',
  ],
  [
    'one URL for two apps',
    'apps:\n  chat: {urls: [/x]}\n  echo: {urls: [/y, /x]}',
    'carillon.yaml:3:21: apps.echo.urls[1]: found "/x", which is the URL of apps.chat.urls[0], expected a URL of its own',
  ],
  [
    'one URL twice',
    'apps: {chat: {urls: [/x, /x]}}',
    'carillon.yaml:1:26: apps.chat.urls[1]: found "/x", which is the URL of apps.chat.urls[0], expected a URL of its own',
  ],
  [
    'a URL that is the socket of another',
    'apps: {chat: {urls: [/x]}, echo: {urls: [/x/connect]}}',
    'carillon.yaml:1:42: apps.echo.urls[0]: found "/x/connect", which is the socket of apps.chat.urls[0] (/x), expected a URL of its own',
  ],
  [
    'a URL whose script is another URL',
    'apps: {chat: {urls: [/page.js]}, echo: {urls: [/]}}',
    'carillon.yaml:1:48: apps.echo.urls[0]: found "/", but its script /page.js is the URL of apps.chat.urls[0], expected a URL of its own',
  ],
  [
    'a collision beside a wrong value',
    'port: x\napps: {chat: {urls: [/x, /x, 5]}}',
    'carillon.yaml:1:7: port: found "x", expected an integer from 0 to 65535',
    'carillon.yaml:2:26: apps.chat.urls[1]: found "/x", which is the URL of apps.chat.urls[0], expected a URL of its own',
    'carillon.yaml:2:30: apps.chat.urls[2]: found 5, expected a URL path that begins with "/"',
  ],
  [
    'one port for both',
    'port: 9080',
    'carillon.yaml:1:7: port: found 9080, which is also operations.port, expected a port of its own, or 0 for a free one',
  ],
  [
    'one port for both, on any address',
    'host: 0.0.0.0\nport: 80\noperations: {host: 10.0.0.1, port: 80}',
    'carillon.yaml:3:36: operations.port: found 80, which is also port, expected a port of its own, or 0 for a free one',
  ],
  [
    'logs shown to anybody',
    'apps:\n  log-view:\n    urls: [/logs]',
    'carillon.yaml:2:3: apps.log-view: found logs shown to anybody, expected "auth" (type basic, token or loopback), or "public: true" if everybody may read them',
  ],
  [
    'log names that are reserved or none',
    'apps: {log-view: {logs: {access: /a, error: /b, all: /c, ../x: /d, ok: 5}}}',
    'carillon.yaml:1:26: apps.log-view.logs.access: found "access" as a key, expected another name, as "access" and "error" are Carillon\'s own logs',
    'carillon.yaml:1:38: apps.log-view.logs.error: found "error" as a key, expected another name, as "access" and "error" are Carillon\'s own logs',
    'carillon.yaml:1:58: apps.log-view.logs["../x"]: found "../x" as a key, expected a log name of letters, digits and ._- that begins with a letter or digit',
    'carillon.yaml:1:72: apps.log-view.logs.ok: found 5, expected a path or glob',
  ],
  [
    'an unknown kind of auth',
    'apps: {chat: {auth: {type: basci}}}',
    'carillon.yaml:1:28: apps.chat.auth.type: found "basci", expected one of basic, token, loopback; did you mean "basic"?',
  ],
  [
    'auth of no kind',
    'apps: {chat: {auth: {}}}',
    'carillon.yaml:1:15: apps.chat.auth.type: missing, expected one of basic, token, loopback',
  ],
  [
    'a plain password',
    'apps: {chat: {auth: {type: basic, users: {alice: hunter2, bob: "' + hash + '"}}}}',
    'carillon.yaml:1:50: apps.chat.auth.users.alice: found ********, expected a password hash as printed by "carillon hash-password"',
  ],
  [
    'a password within a key',
    'apps: {chat: {auth: {type: basic, users: {alice:hunter2}}}}',
    'carillon.yaml:1:43: apps.chat.auth.users["********"]: found "********" as a key, expected a user name without colons and control characters',
  ],
  [
    'a short secret',
    'apps: {chat: {auth: {type: token, secret: hunter2}}}',
    'carillon.yaml:1:43: apps.chat.auth.secret: found ********, expected a secret of at least 32 bytes',
  ],
  [
    'users who are nobody',
    'apps: {chat: {auth: {type: basic, users: {}}}}',
    'carillon.yaml:1:42: apps.chat.auth.users: found an empty object, expected at least one user name with its password hash, as nobody could connect otherwise',
  ],
  [
    'an outbox that cannot hold one message',
    'apps:\n  echo: {urls: [/e], limits: {messageBytes: 2000, outboxBytes: 2013}}',
    'carillon.yaml:2:64: apps.echo.limits.outboxBytes: found 2013, too little for a message of apps.echo.limits.messageBytes (2000), expected at least 2014 (bytes)',
  ],
  [
    'an outbox for all that is too small for one app by its default, and for another by what it says',
    'limits: {outboxBytes: 20000}\napps:\n  chat: {urls: [/c]}\n  log-view: {urls: [/l], public: true, limits: {outboxBytes: 16397}}',
    'carillon.yaml:1:23: limits.outboxBytes: found 20000, too little for a message of apps.chat.limits.messageBytes (by default 65536), expected at least 397312 (bytes)',
    'carillon.yaml:4:62: apps.log-view.limits.outboxBytes: found 16397, too little for a message of apps.log-view.limits.messageBytes (by default 16384), expected at least 16398 (bytes)',
  ],
  [
    'messages that the outbox of all cannot hold',
    'apps:\n  chat: {urls: [/c], limits: {messageBytes: 1048576}}',
    'carillon.yaml:2:45: apps.chat.limits.messageBytes: found 1048576, too much for limits.outboxBytes (by default 4194304), expected limits.outboxBytes of at least 6295552 (bytes) as well',
  ],
  [
    'an outbox that is none, beside what it would have to hold',
    'limits: {outboxBytes: 5}\napps: {chat: {urls: [/c]}}',
    'carillon.yaml:1:23: limits.outboxBytes: found 5, expected an integer from 1024 to 1073741824 (bytes)',
  ],
  [
    'a setting of another kind of auth, and a misspelt one',
    'apps: {chat: {auth: {type: loopback, users: {}, tpye: x, hunter2: x}}}',
    'carillon.yaml:1:38: apps.chat.auth.users: unknown key, expected type',
    'carillon.yaml:1:49: apps.chat.auth.tpye: unknown key, expected type; did you mean "type"?',
    'carillon.yaml:1:58: apps.chat.auth["********"]: unknown key, expected type',
  ],
  [
    'origins that are none',
    'apps: {chat: {origins: ["https://Example.com:443/chat", example.com, "null", "capacitor://localhost", "*"]}}',
    'carillon.yaml:1:25: apps.chat.origins[0]: found "https://Example.com:443/chat", expected "*" or an origin such as "https://www.example.com"; did you mean "https://example.com"?',
    'carillon.yaml:1:57: apps.chat.origins[1]: found "example.com", expected "*" or an origin such as "https://www.example.com"; did you mean "https://example.com"?',
    'carillon.yaml:1:70: apps.chat.origins[2]: found "null", expected "*" or an origin such as "https://www.example.com"',
  ],
  ['a prototype', '__proto__: {port: 5}', `carillon.yaml:1:1: __proto__: unknown key, expected one of ${rootKeys}`],
];

const unreadableFiles: readonly (readonly [what: string, content: string | Uint8Array, problem: string])[] = [
  [
    'an empty file',
    '',
    'carillon.yaml:1:1: found an empty file, expected settings such as "port: 8080"; without any file Carillon runs its demo',
  ],
  [
    'nothing but comments',
    '# port: 80\n',
    'carillon.yaml:1:1: found an empty file, expected settings such as "port: 8080"; without any file Carillon runs its demo',
  ],
  ['a list', '- port', 'carillon.yaml:1:1: found something else than settings, expected an object at the top'],
  ['a text', 'port', 'carillon.yaml:1:1: found something else than settings, expected an object at the top'],
  [
    'a key given twice',
    'port: 80\nhost: ::1\nport: 81',
    'carillon.yaml:3:1: found a key for the second time, expected each key once in its section',
  ],
  [
    'an open bracket',
    'apps:\n  chat: {urls: [/x}',
    'carillon.yaml:2:19: found a line that is not indented as its neighbours, or an unclosed bracket, expected the same indentation for all keys of a section, and every bracket closed',
  ],
  [
    'an open quote',
    'host: "x',
    'carillon.yaml:1:9: found something unclosed or unseparated, expected a closing quote or bracket, a comma, or a space after ":"',
  ],
  ['tabs', 'operations:\n\tport: 80', 'carillon.yaml:2:1: found a tab at the start of a line, expected spaces'],
  [
    'two documents',
    'port: 80\n---\nport: 81',
    'carillon.yaml:2:1: found a second document, expected one document without "---" in between',
  ],
  ['an unknown tag', 'port: !env PORT', 'carillon.yaml:1:7: found an unknown tag (!name), expected plain values'],
  [
    'an object as a key',
    'apps: {{auth: hunter2}: 5}',
    'carillon.yaml:1:8: found a list, object or alias as a key, expected a text, in quotes where it begins with a bracket',
  ],
  [
    'an alias of nothing',
    'port: *port',
    'carillon.yaml:1:7: found an alias (*name) of nothing, expected an anchor (&name) before it, or quotes around a text that begins with "*"',
  ],
  [
    'an alias bomb',
    `a: &a [x]\n${'bcdefghi'
      .split('')
      .map((name, index) => `${name}: &${name} [${`*${'abcdefghi'[index]},`.repeat(9)}]\n`)
      .join('')}`,
    'carillon.yaml:1:1: found aliases (*name) that cannot be resolved, expected anchors (&name) before their aliases, and at most 100 aliases',
  ],
  [
    'a Latin-1 file',
    Buffer.from('node: M\xfcnchen', 'latin1'),
    'carillon.yaml:1:1: found bytes that are not UTF-8, expected a text file in UTF-8',
  ],
];

describe('a bad configuration file', () => {
  it.each(badFiles)('with %s is refused', async (_what, content, ...problems) => {
    expect(await problemsOfFile(content)).toEqual(problems);
  });

  it.each(unreadableFiles)('that is %s is refused', async (_what, content, problem) => {
    expect(await problemsOfFile(content)).toEqual([problem]);
  });

  it('that is nested without end is refused', async () => {
    const [problem] = await problemsOfFile(`port: ${'['.repeat(50_000)}`);
    expect(problem).toMatch(/nested too deeply|does not belong|unclosed/);
  });

  it('that ends with .json is JSON', async () => {
    expect(await problemsOfFile('{"port": 80, // public\n"node": "a"}', { name: 'carillon.json' })).toEqual([
      'carillon.json:1:1: found something else than JSON, expected JSON, without comments and final commas, or a file name that ends with .yaml',
    ]);
    expect(await problemsOfFile('port: 80', { name: 'carillon.json' })).toEqual([
      'carillon.json:1:1: found something else than JSON, expected JSON, without comments and final commas, or a file name that ends with .yaml',
    ]);
    expect(await problemsOfFile('{\n\t"port": "x"\n}', { name: 'carillon.json' })).toEqual([
      'carillon.json:2:10: port: found "x", expected an integer from 0 to 65535',
    ]);
  });

  it('does not hide what is wrong with variables and flags', async () => {
    const problems = await problemsOfFile('port: [', { env: { CARILLON_PORT: 'x' }, flags: { workers: 'y' } });
    expect(problems).toHaveLength(3);
    expect(problems.slice(1)).toEqual([
      'CARILLON_PORT: port: found "x", expected an integer from 0 to 65535',
      '--workers: workers: found "y", expected an integer from 0 to 1024 (worker processes)',
    ]);
  });

  it('is one of one', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': 'port: 80', 'carillon.json': '{"port": 81}' });
    expect(problemsOf({ cwd: folder.path })).toEqual([
      'found carillon.yaml and carillon.json, expected one configuration file, or --config to choose',
    ]);
    expect(problemsOf({ cwd: folder.path, flags: { config: 'carillon.json' } })).toEqual([]);
  });

  it('must exist, be a file and be of a sensible size when it is named', async () => {
    await using folder = await temporaryFolder({ 'sub/x': '', 'large.yaml': `node: ${'x'.repeat(1_100_000)}` });
    const cwd = folder.path;
    expect(problemsOf({ cwd, flags: { config: 'none.yaml' } })).toEqual([
      '--config: found "none.yaml", which does not exist, expected a readable configuration file',
    ]);
    expect(problemsOf({ cwd, env: { CARILLON_CONFIG: 'sub' } })).toEqual([
      'CARILLON_CONFIG: found "sub", which is a directory, expected a configuration file',
    ]);
    expect(problemsOf({ cwd, env: { CARILLON_CONFIG: '' } })).toEqual([
      'CARILLON_CONFIG: found "", expected the path of a configuration file',
    ]);
    expect(problemsOf({ cwd, flags: { config: 'large.yaml' } })).toEqual([
      '--config: found "large.yaml", which has more than 262144 bytes, expected a configuration file',
    ]);
  });
});

describe('a configuration file with thousands of problems', () => {
  const count = 20_000;
  const lines = (line: (index: number) => string): string =>
    Array.from({ length: count }, (_, at) => line(at)).join('');

  it.each([
    ['unknown keys', lines((index) => `key${index}: 1\n`), 'key0: unknown key'],
    ['keys given twice', `port: 1\n${lines(() => 'port: 1\n')}`, 'found a key for the second time'],
    ['wrong values', `apps: {log-view: {logs: {${lines((index) => `l${index}: 5,`)}}}}`, 'logs.l0: found 5'],
  ])('of one kind, %s, names the first hundred and counts the rest', async (_what, content, first) => {
    const problems = await problemsOfFile(content);
    expect(problems).toHaveLength(101);
    expect(problems[0]).toContain(first);
    expect(problems.at(-1)).toBe(`and ${count - 100} more`);
  });
});

describe('limits that hold each other', () => {
  it.each([
    ['by their defaults', 'apps: {chat: {urls: [/c]}, echo: {urls: [/e]}, log-view: {urls: [/l], public: true}}'],
    ['just so', 'apps: {chat: {urls: [/c], limits: {messageBytes: 1000, outboxBytes: 10096}}}'],
    ['because the app that they are too small for is off', 'limits: {outboxBytes: 1024}\napps: {chat: {}}'],
  ])('are accepted: %s', async (_what, content) => {
    expect(await problemsOfFile(content)).toEqual([]);
  });
});

describe('a bad variable', () => {
  it.each([
    [{ CARILLON_PORT: '80a' }, 'CARILLON_PORT: port: found "80a", expected an integer from 0 to 65535'],
    [{ CARILLON_PORT: '' }, 'CARILLON_PORT: port: found "", expected an integer from 0 to 65535'],
    [{ CARILLON_PORT: '0x50' }, 'CARILLON_PORT: port: found "0x50", expected an integer from 0 to 65535'],
    [
      { CARILLON_COMPRESSION_ENABLED: '1' },
      'CARILLON_COMPRESSION_ENABLED: compression.enabled: found "1", expected true or false',
    ],
    [
      { CARILLON_LIMITS_MESAGE_BYTES: '5' },
      'CARILLON_LIMITS_MESAGE_BYTES: unknown variable, expected the variable of a setting, such as CARILLON_PORT; did you mean CARILLON_LIMITS_MESSAGE_BYTES?',
    ],
    [
      { CARILLON_APPS_CHAT_URLS: '/x' },
      'CARILLON_APPS_CHAT_URLS: unknown variable, expected the variable of a setting, such as CARILLON_PORT',
    ],
    [
      { CARILLON_APPS_CHAT_AUTH_TYPE: 'token', CARILLON_APPS_CHAT_AUTH_SECRET: 'hunter2' },
      'CARILLON_APPS_CHAT_AUTH_SECRET: apps.chat.auth.secret: found ********, expected a secret of at least 32 bytes',
    ],
    [
      { CARILLON_APPS_CHAT_AUTH_TYPE: 'token' },
      'CARILLON_APPS_CHAT_AUTH_TYPE: apps.chat.auth.secret: missing, expected a secret of at least 32 bytes, or apps.chat.auth.secretFile with it',
    ],
  ])('%o is refused by name', async (env, problem) => {
    await using folder = await temporaryFolder();
    expect(problemsOf({ cwd: folder.path, env })).toEqual([problem]);
  });

  it('is not one that Kubernetes sets for a service named carillon', async () => {
    await using folder = await temporaryFolder();
    const env = {
      CARILLON_SERVICE_HOST: '10.0.0.1',
      CARILLON_SERVICE_PORT: '80',
      CARILLON_SERVICE_PORT_HTTP: '80',
      CARILLON_PORT: 'tcp://10.0.0.1:80',
      CARILLON_PORT_80_TCP: 'tcp://10.0.0.1:80',
      CARILLON_PORT_80_TCP_PROTO: 'tcp',
      CARILLON_PORT_80_TCP_PORT: '80',
      CARILLON_PORT_80_TCP_ADDR: '10.0.0.1',
      CARILLON_OPERATIONS_PORT: 'tcp://10.0.0.2:9080',
    };
    expect(problemsOf({ cwd: folder.path, env })).toEqual([]);
  });
});

describe('a bad flag', () => {
  it('is refused by name, and blamed for a port that it makes double', async () => {
    await using folder = await temporaryFolder();
    expect(problemsOf({ cwd: folder.path, flags: { port: '80a', node: '-' } })).toEqual([
      '--port: port: found "80a", expected an integer from 0 to 65535',
      '--node: node: found "-", expected a node name of letters, digits and ._- that begins with a letter, digit or _',
    ]);
    expect(problemsOf({ cwd: folder.path, flags: { 'operations-port': '8080' } })).toEqual([
      '--operations-port: operations.port: found 8080, which is also port, expected a port of its own, or 0 for a free one',
    ]);
  });
});
