import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SubscriptionRules, type SubscriptionRule } from '../../../src/gateway/subscription-rules.ts';

const history = { size: 10, ttl: 60 };
const none = { history: undefined, presence: true, slowConsumer: 'disconnect', pattern: undefined, source: 'default' };

describe('the rules of subscriptions', () => {
  it('give a name that no pattern matches the default', () => {
    expect(new SubscriptionRules([]).ruleOf('news')).toEqual(none);
    expect(new SubscriptionRules([{ pattern: 'new', history }]).ruleOf('news')).toEqual(none);
  });

  it.each([
    ['news', '*'],
    ['news', 'news*'],
    ['news:sport', '*:*'],
    ['news:sport', 'news:*'],
    ['a*b', 'a*b'],
    ['aXYb', 'a*b'],
    ['a.b', 'a.b'],
    ['line\nbreak', 'line*'],
    ['aab', '*ab'],
    ['abcabc', '*abc*abc'],
  ])('find %j by %j', (name, pattern) => {
    expect(new SubscriptionRules([{ pattern }]).ruleOf(name).pattern).toBe(pattern);
  });

  it.each([
    ['axb', 'a.b'],
    ['ab', 'a*b*b'],
    ['aba', 'ab*ba'],
    ['News', 'news'],
    ['abc', '*abc*abc'],
  ])('do not find %j by %j', (name, pattern) => {
    expect(new SubscriptionRules([{ pattern }]).ruleOf(name).pattern).toBeUndefined();
  });

  it('prefer the name itself, then the most literal characters, then the earlier rule', () => {
    const rules = new SubscriptionRules([
      { pattern: '*' },
      { pattern: 'n*:sport' },
      { pattern: 'news:*' },
      { pattern: 'news:s*' },
      { pattern: 'ne*ws:*' },
      { pattern: 'news:sport' },
      { pattern: 'news:sport*' },
    ]);
    const of = (name: string): string | undefined => rules.ruleOf(name).pattern;
    expect(of('weather')).toBe('*');
    expect(of('news:art')).toBe('news:*');
    expect(of('news:sports')).toBe('news:sport*');
    expect(of('news:sport')).toBe('news:sport');
    expect(of('no:sport')).toBe('n*:sport');
  });

  it('take what the configured rule leaves out from the built-in one, then from the default', () => {
    const rules = new SubscriptionRules(
      [
        { pattern: 'room:*', presence: false },
        { pattern: 'room:quiet', history: false },
      ],
      [{ pattern: 'room:*', history, slowConsumer: 'resync' }],
    );
    expect(rules.ruleOf('room:1')).toEqual({
      history,
      presence: false,
      slowConsumer: 'resync',
      pattern: 'room:*',
      source: 'configured',
    });
    // The most specific configured rule alone counts: nothing comes from a less specific one.
    expect(rules.ruleOf('room:quiet')).toMatchObject({ history: undefined, presence: true, slowConsumer: 'resync' });
    expect(new SubscriptionRules([], [{ pattern: 'a', history }]).ruleOf('a')).toMatchObject({ source: 'built in' });
  });

  it('have nothing for "all" and for reserved names', () => {
    const rules = new SubscriptionRules([{ pattern: '*', history, presence: false }], [{ pattern: 'all', history }]);
    expect(rules.ruleOf('all')).toEqual(none);
    expect(rules.ruleOf('carillon:nodes')).toEqual(none);
  });

  it('remember names without bound on what they answer and with one on what they keep', () => {
    const rules = new SubscriptionRules([{ pattern: 'a*', history }]);
    const first = rules.ruleOf('a0');
    for (let i = 0; i < 30_000; i++) expect(rules.ruleOf(`a${i}`)).toBe(first);
    expect(rules.ruleOf('a0')).toBe(first);
  });

  it('take no time for a pattern that makes a backtracking matcher stand still', () => {
    const rules = new SubscriptionRules([{ pattern: `${'*a'.repeat(200)}b` }]);
    for (let i = 0; i < 100; i++) expect(rules.ruleOf(`${'a'.repeat(5_000)}${i}`).pattern).toBeUndefined();
  });

  it('agree with a plain model of them', () => {
    const character = fc.constantFrom('a', 'b', '*');
    const pattern = fc.string({ unit: character, minLength: 1, maxLength: 5 });
    const field = fc.record(
      { history: fc.constantFrom(history, false as const), presence: fc.boolean() },
      { requiredKeys: [] },
    );
    const rule = fc.tuple(pattern, field).map(([one, fields]): SubscriptionRule => ({ pattern: one, ...fields }));
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(rule), fc.array(rule), fc.array(name), (configured, builtIn, names) => {
        const rules = new SubscriptionRules(configured, builtIn);
        for (const one of [...names, ...names]) {
          const mine = best(configured, one);
          const theirs = best(builtIn, one);
          const kept = mine?.history ?? theirs?.history ?? false;
          expect(rules.ruleOf(one)).toEqual({
            history: kept === false ? undefined : kept,
            presence: mine?.presence ?? theirs?.presence ?? true,
            slowConsumer: 'disconnect',
            pattern: mine?.pattern ?? theirs?.pattern,
            source: mine === undefined ? (theirs === undefined ? 'default' : 'built in') : 'configured',
          });
        }
      }),
    );
  });
});

function best(rules: readonly SubscriptionRule[], name: string): SubscriptionRule | undefined {
  let found: SubscriptionRule | undefined;
  for (const rule of rules) {
    const expression = new RegExp(`^${rule.pattern.replaceAll('*', '[^]*')}$`);
    if (expression.test(name) && (found === undefined || weight(rule) > weight(found))) found = rule;
  }
  return found;
}

function weight({ pattern }: SubscriptionRule): number {
  return pattern.includes('*') ? pattern.replaceAll('*', '').length : 1_000;
}
