import { describe, expect, it } from 'vitest';
import { explainSubscription, type BuiltInRule } from '../../src/config/explain-subscription.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { builtInRules } from '../../src/server/built-in-rules.ts';
import { problemsOfFile } from '../support/config-problems.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const pattern = 'a subscription name, or a pattern in which "*" stands for any characters';

describe('the rules of subscriptions', () => {
  it('are none unless the file has some', async () => {
    await using none = await temporaryFolder();
    expect(loadConfig({ cwd: none.path }).config.subscriptions).toEqual([]);
    await using some = await temporaryFolder({
      'carillon.yaml':
        'subscriptions:\n  - {pattern: /a/*, history: {size: 5, ttl: 60}}\n  - {pattern: "*", history: false, presence: false, slowConsumer: resync}\n',
    });
    expect(loadConfig({ cwd: some.path }).config.subscriptions).toEqual([
      { pattern: '/a/*', history: { size: 5, ttl: 60 } },
      { pattern: '*', history: false, presence: false, slowConsumer: 'resync' },
    ]);
  });

  it.each([
    [
      'that are no list',
      '{/a: {presence: true}}',
      'subscriptions: found an object, expected a list of rules, each with a "pattern"',
    ],
    [
      'with a pattern twice',
      '[{pattern: "a*", presence: true}, {pattern: "a**", presence: false}]',
      'subscriptions[1].pattern: found "a**", which is also subscriptions[0].pattern, expected a pattern of its own',
    ],
    [
      'of which nothing is said',
      '[{pattern: a}]',
      'subscriptions[0].pattern: found "a", of which nothing is said, expected history, presence or slowConsumer as well',
    ],
    ['of no name', '[{pattern: "", presence: true}]', `subscriptions[0].pattern: found "", expected ${pattern}`],
    ['without a pattern', '[{presence: true}]', `subscriptions[0].pattern: missing, expected ${pattern}`],
    [
      "of Carillon's own names",
      '[{pattern: all, presence: true}, {pattern: "carillon:*", presence: true}]',
      'subscriptions[0].pattern: found "all", expected another name, as "all" is every connection and has no rule',
      'subscriptions[1].pattern: found "carillon:*", expected another name, as those that begin with "carillon:" are Carillon\'s own and have no rule',
    ],
    [
      'with a history that is none',
      '[{pattern: a, history: true}, {pattern: b, history: {size: 0, tttl: 5}}, {pattern: c, history: {size: 100001, ttl: 2592001}}]',
      'subscriptions[0].history: found true, expected an object with "size" and "ttl", or false for none',
      'subscriptions[1].history.ttl: missing, expected an integer from 1 to 2592000 (seconds)',
      'subscriptions[1].history.size: found 0, expected an integer from 1 to 100000 (publications)',
      'subscriptions[1].history.tttl: unknown key, expected one of size, ttl; did you mean "ttl"?',
      'subscriptions[2].history.size: found 100001, expected an integer from 1 to 100000 (publications)',
      'subscriptions[2].history.ttl: found 2592001, expected an integer from 1 to 2592000 (seconds)',
    ],
    [
      'with an unknown policy',
      '[{pattern: a, slowConsumer: resnyc}, {pattern: b, slowConsumer: drop-oldst}]',
      'subscriptions[0].slowConsumer: found "resnyc", expected one of disconnect, resync, drop-oldest, keep-latest; did you mean "resync"?',
      'subscriptions[1].slowConsumer: found "drop-oldst", expected one of disconnect, resync, drop-oldest, keep-latest; did you mean "drop-oldest"?',
    ],
  ])('%s are refused', async (_what, rules, ...problems) => {
    const found = await problemsOfFile(`subscriptions: ${rules}`);
    expect(found.map((line) => line.replace(/^carillon\.yaml:\d+:\d+: /, ''))).toEqual(problems);
  });
});

describe('the policy of an app for slow consumers', () => {
  it('becomes a rule for its own subscriptions, before which the rules of the file go', async () => {
    await using folder = await temporaryFolder({
      'carillon.yaml': [
        'subscriptions: [{ pattern: /quick, slowConsumer: keep-latest }]',
        'apps:',
        '  chat: { urls: [/slow, /quick], slowConsumer: drop-oldest }',
        '  log-view: { urls: [/logs], public: true, slowConsumer: resync }',
      ].join('\n'),
    });
    const loaded = loadConfig({ cwd: folder.path });
    const explained = (name: string): unknown =>
      explainSubscription(name, loaded, builtInRules(loaded.config.apps)).find(
        ({ name: one }) => one === 'slowConsumer',
      );
    expect(explained('/slow')).toMatchObject({ value: 'drop-oldest', source: '"/slow", built in by chat' });
    expect(explained('/quick')).toMatchObject({ value: 'keep-latest', source: '"/quick", carillon.yaml:1' });
    expect(explained('log:app')).toMatchObject({ value: 'resync', source: '"log:*", built in by log-view' });
    expect(explained('log-record:app:a')).toMatchObject({ value: 'disconnect', source: 'default' });
  });

  it.each([
    [
      'chat: { urls: [/chat], slowConsumer: drop }',
      'apps.chat.slowConsumer: found "drop", expected one of disconnect, resync, drop-oldest, keep-latest',
    ],
    [
      'chat: { urls: [/chat], slowConsumers: resync }',
      'apps.chat.slowConsumers: unknown key, expected one of urls, auth, origins, limits, slowConsumer; did you mean "slowConsumer"?',
    ],
    // It has no subscriptions.
    [
      'echo: { urls: [/echo], slowConsumer: resync }',
      'apps.echo.slowConsumer: unknown key, expected one of urls, auth, origins, limits',
    ],
  ])('is refused where it is none: %s', async (app, problem) => {
    const found = await problemsOfFile(`apps: { ${app} }`);
    expect(found.map((line) => line.replace(/^carillon\.yaml:\d+:\d+: /, ''))).toEqual([problem]);
  });
});

it('a pattern without its quotes is told where it is', async () => {
  expect(await problemsOfFile('subscriptions:\n  - pattern: */news\n    presence: true')).toEqual([
    'carillon.yaml:2:14: found an alias (*name) of nothing, expected an anchor (&name) before it, or quotes around a text that begins with "*"',
  ]);
});

describe('the explanation of a subscription', () => {
  const builtIn: readonly BuiltInRule[] = [
    { app: 'chat', rule: { pattern: '/chat', history: { size: 10, ttl: 60 }, presence: true } },
  ];

  it('says for each field who says so: the file, an app, or nobody', async () => {
    await using folder = await temporaryFolder({
      'carillon.yaml':
        'subscriptions:\n  - pattern: "*"\n    slowConsumer: resync\n  - pattern: /ch*\n    presence: false\n',
    });
    const loaded = loadConfig({ cwd: folder.path });
    expect(explainSubscription('/chat', loaded, builtIn)).toEqual([
      { name: 'history', value: { size: 10, ttl: 60 }, source: '"/chat", built in by chat' },
      { name: 'presence', value: false, source: '"/ch*", carillon.yaml:5' },
      { name: 'slowConsumer', value: 'disconnect', source: 'default' },
    ]);
    expect(explainSubscription('/other', loaded, builtIn)).toEqual([
      { name: 'history', value: false, source: 'default' },
      { name: 'presence', value: true, source: 'default' },
      { name: 'slowConsumer', value: 'resync', source: '"*", carillon.yaml:3' },
    ]);
  });

  it.each(['all', 'carillon:nodes'])('finds no rule for %s', async (name) => {
    await using folder = await temporaryFolder({ 'carillon.yaml': 'subscriptions: [{pattern: "*", presence: false}]' });
    for (const { source } of explainSubscription(name, loadConfig({ cwd: folder.path }), builtIn))
      expect(source).toBe('default');
  });

  it('knows a history that is switched off from one that nobody spoke of', async () => {
    await using folder = await temporaryFolder({
      'carillon.yaml': 'subscriptions: [{pattern: /chat, history: false}]',
    });
    expect(explainSubscription('/chat', loadConfig({ cwd: folder.path }), builtIn)[0]).toEqual({
      name: 'history',
      value: false,
      source: '"/chat", carillon.yaml:1',
    });
  });
});
