import { explainSubscription, type ExplainedField } from '../config/explain-subscription.ts';
import type { LoadedConfig } from '../config/load-config.ts';
import { checkSubscribable } from '../gateway/subscription-name.ts';
import { UsageError } from './cli-io.ts';

/**
 * What holds for a subscription, the rules that apps bring for their own included.
 * @throws UsageError for a name that nobody can subscribe to
 */
export async function explainFor(name: string, loaded: LoadedConfig): Promise<readonly ExplainedField[]> {
  try {
    checkSubscribable(name);
  } catch (error) {
    throw new UsageError(`--subscription: ${error instanceof Error ? error.message : String(error)}`);
  }
  // Loaded here so that commands which explain nothing answer without the apps' modules.
  const { builtInRules } = await import('../server/built-in-rules.ts');
  return explainSubscription(name, loaded, builtInRules(loaded.config.apps));
}
