import type { SubscriptionAppOptions } from '../app-options.ts';

export interface LogViewOptions extends SubscriptionAppOptions {
  /** Log name → path or glob of the files it consists of. Carillon's own `access` and `error` logs are there besides. */
  readonly logs?: Readonly<Record<string, string>>;
  /** How often what was appended is multicast, in milliseconds. Default 250. */
  readonly refresh?: number;
  /** Lines of backlog sent on opening. Default 100. */
  readonly tail?: number;
  /** Lets anybody watch. Without it `auth` is required: a log reveals internals. Default false. */
  readonly public?: boolean;
}
