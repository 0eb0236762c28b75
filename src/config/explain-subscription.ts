import { SubscriptionRules, type SubscriptionRule } from '../gateway/subscription-rules.ts';
import { quote } from '../lib/quote.ts';
import type { LoadedConfig } from './load-config.ts';
import { shortOrigin } from './problem.ts';

/** What an app brings for subscriptions of its own. */
export interface BuiltInRule {
  readonly app: string;
  readonly rule: SubscriptionRule;
}

/** One field of what holds for a subscription. */
export interface ExplainedField {
  readonly name: 'history' | 'presence' | 'slowConsumer';
  readonly value: NonNullable<SubscriptionRule['history' | 'presence' | 'slowConsumer']>;
  /** Who says so: `"/chat/*", carillon.yaml:12`, `"/chat/*", built in by chat`, or `default`. */
  readonly source: string;
}

/** What holds for the subscription of this name, field by field, resolved as the gateway does. */
export function explainSubscription(
  name: string,
  { config, originOf }: Pick<LoadedConfig, 'config' | 'originOf'>,
  builtIn: readonly BuiltInRule[],
): readonly ExplainedField[] {
  const builtInRules = builtIn.map(({ rule }) => rule);
  const {
    history = false,
    presence,
    slowConsumer,
  } = new SubscriptionRules(config.subscriptions, builtInRules).ruleOf(name);
  // Each tier by itself names the pattern that wins in it.
  const configuredPattern = new SubscriptionRules(config.subscriptions).ruleOf(name).pattern;
  const builtInPattern = new SubscriptionRules([], builtInRules).ruleOf(name).pattern;
  const index = config.subscriptions.findIndex(({ pattern }) => pattern === configuredPattern);
  const fromApp = builtIn.find(({ rule }) => rule.pattern === builtInPattern);

  const sourceOf = (field: ExplainedField['name']): string => {
    const configured = config.subscriptions[index];
    if (configured?.[field] !== undefined) {
      return `${quote(configured.pattern)}, ${shortOrigin(originOf(['subscriptions', index, field]))}`;
    }
    if (fromApp?.rule[field] !== undefined) return `${quote(fromApp.rule.pattern)}, built in by ${fromApp.app}`;
    return 'default';
  };
  return [
    { name: 'history', value: history, source: sourceOf('history') },
    { name: 'presence', value: presence, source: sourceOf('presence') },
    { name: 'slowConsumer', value: slowConsumer, source: sourceOf('slowConsumer') },
  ];
}
