import { reservedPrefix, type HistoryRule } from '../broker/broker.ts';
import { everyone } from './subscription-name.ts';

/**
 * What happens to who does not read fast enough. `disconnect`: the connection is closed with 1013. `resync`: it misses
 * publications until its outbox is empty and is then given them from history, or a gap notice where there is none.
 * `drop-oldest`: the oldest that wait are dropped, and it is told how many. `keep-latest`: only the newest waits.
 */
export const slowConsumerPolicies = ['disconnect', 'resync', 'drop-oldest', 'keep-latest'] as const;

export type SlowConsumerPolicy = (typeof slowConsumerPolicies)[number];

/** What holds for the subscriptions whose names match. */
export interface SubscriptionRule {
  /** A name in which each `*` stands for any characters, or none. */
  readonly pattern: string;
  /** Keeps publications, so that clients that come back get what they missed; false: none. */
  readonly history?: HistoryRule | false;
  /** Whether connections that ask for it are present in the subscription. */
  readonly presence?: boolean;
  readonly slowConsumer?: SlowConsumerPolicy;
}

/** What holds for one subscription, and why. */
export interface ResolvedRule {
  /** undefined: nothing is kept. */
  readonly history: HistoryRule | undefined;
  readonly presence: boolean;
  readonly slowConsumer: SlowConsumerPolicy;
  /** The configured pattern that matches best, else the built-in one, else undefined. Fields it leaves out come from the next tier. */
  readonly pattern: string | undefined;
  readonly source: 'configured' | 'built in' | 'default';
}

/** Most names whose rule is remembered. */
const mostRemembered = 10_000;

const defaultRule: ResolvedRule = Object.freeze({
  history: undefined,
  presence: true,
  slowConsumer: 'disconnect',
  pattern: undefined,
  source: 'default',
});

/**
 * Which rule a name gets. There are two tiers: the user's configured rules, and the built-in ones that apps bring for
 * their own names. In each the most specific matching pattern wins: the name itself, then the most characters that are
 * not `*`, then the earlier one. Field by field the configured rule counts, else the built-in one, else the default.
 * `all` and the reserved names have the default.
 */
export class SubscriptionRules {
  readonly #configured: readonly Candidate[];
  readonly #builtIn: readonly Candidate[];
  readonly #remembered = new Map<string, ResolvedRule>();
  /** One object per combination, so that remembering a name costs no more than its entry. */
  readonly #resolved = new Map<string, ResolvedRule>();

  constructor(configured: readonly SubscriptionRule[], builtIn: readonly SubscriptionRule[] = []) {
    this.#configured = byPrecedence(configured);
    this.#builtIn = byPrecedence(builtIn);
  }

  ruleOf(name: string): ResolvedRule {
    const known = this.#remembered.get(name);
    if (known !== undefined) return known;
    const rule = this.#resolve(name);
    // Names come from clients in some apps: what is remembered of them is bounded. The oldest goes.
    if (this.#remembered.size >= mostRemembered) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.set(name, rule);
    return rule;
  }

  /** The name's pattern as a label of metrics. */
  label(name: string): string {
    return this.ruleOf(name).pattern ?? '(none)';
  }

  #resolve(name: string): ResolvedRule {
    if (name === everyone || name.startsWith(reservedPrefix)) return defaultRule;
    const configured = this.#configured.findIndex(({ matches }) => matches(name));
    const builtIn = this.#builtIn.findIndex(({ matches }) => matches(name));
    if (configured < 0 && builtIn < 0) return defaultRule;
    const key = `${configured} ${builtIn}`;
    let rule = this.#resolved.get(key);
    if (rule === undefined) {
      rule = combine(this.#configured[configured]?.rule, this.#builtIn[builtIn]?.rule);
      this.#resolved.set(key, rule);
    }
    return rule;
  }
}

interface Candidate {
  readonly rule: SubscriptionRule;
  readonly matches: (name: string) => boolean;
}

function combine(configured: SubscriptionRule | undefined, builtIn: SubscriptionRule | undefined): ResolvedRule {
  const history = configured?.history ?? builtIn?.history ?? false;
  return Object.freeze({
    history: history === false ? undefined : history,
    presence: configured?.presence ?? builtIn?.presence ?? defaultRule.presence,
    slowConsumer: configured?.slowConsumer ?? builtIn?.slowConsumer ?? defaultRule.slowConsumer,
    pattern: configured?.pattern ?? builtIn?.pattern,
    source: configured === undefined ? 'built in' : 'configured',
  });
}

/** The first that matches a name is the one that wins. A pattern without `*` has more literal characters than any other that matches, unless stars stand for nothing. */
function byPrecedence(rules: readonly SubscriptionRule[]): readonly Candidate[] {
  return rules
    .map((rule, index) => ({ rule, index, literals: rule.pattern.replaceAll('*', '').length }))
    .toSorted(
      (a, b) =>
        Number(b.rule.pattern.length === b.literals) - Number(a.rule.pattern.length === a.literals) ||
        b.literals - a.literals ||
        a.index - b.index,
    )
    .map(({ rule }) => ({ rule, matches: matcher(rule.pattern) }));
}

/** Takes time in proportion to the name and the pattern, whatever they are: names may come from clients. */
function matcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split(/\*+/);
  const first = parts.shift() ?? '';
  const last = parts.pop();
  if (last === undefined) return (name) => name === pattern;
  return (name) => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
    const end = name.length - last.length;
    let at = first.length;
    for (const part of parts) {
      const found = name.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return at <= end;
  };
}
