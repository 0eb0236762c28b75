import type { AuthOptions } from '../auth/auth-options.ts';
import type { ConnectionLimits } from '../gateway/gateway-options.ts';
import type { SlowConsumerPolicy } from '../gateway/subscription-rules.ts';

/** What every app's configuration section has. */
export interface AppOptions {
  /** The URLs at which the app lives, each an independent instance. No URLs: the app is off. */
  readonly urls: readonly string[];
  /** Default: anybody may connect. */
  readonly auth?: AuthOptions;
  /**
   * Origins (scheme, host, port) whose pages may connect, `*` for any. Default: only pages of the same host.
   * Requests without an Origin header, which browsers always send, are not restricted.
   */
  readonly origins?: readonly string[];
  /** Overrides of the gateway's limits for this app's connections. */
  readonly limits?: Partial<ConnectionLimits>;
}

/** What the section of an app with subscriptions of its own has besides. */
export interface SubscriptionAppOptions extends AppOptions {
  /** What happens to clients that do not read fast enough, unless a rule in `subscriptions` says. Default: `disconnect`. */
  readonly slowConsumer?: SlowConsumerPolicy;
}
