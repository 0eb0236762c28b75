import type { App } from '../apps/app.ts';
import type { AppOptions } from '../apps/app-options.ts';
import { bundledApps } from '../apps/registry.ts';
import type { AppsConfig } from '../config/config.ts';
import type { BuiltInRule } from '../config/explain-subscription.ts';

/** What the apps that are on bring for their own subscriptions, in the order in which they are mounted. */
export function builtInRules(config: AppsConfig): readonly BuiltInRule[] {
  const rulesOf = <Options extends AppOptions>(app: App<Options>, options: Options | undefined): BuiltInRule[] => {
    if (options === undefined || options.urls.length === 0) return [];
    return (app.rules?.(options) ?? []).map((rule) => ({ app: app.name, rule }));
  };
  return [
    ...rulesOf(bundledApps.echo, config.echo),
    ...rulesOf(bundledApps.chat, config.chat),
    ...rulesOf(bundledApps['log-view'], config['log-view']),
  ];
}
