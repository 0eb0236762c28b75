import type { AppOptions, SubscriptionAppOptions } from '../apps/app-options.ts';
import type { LogViewOptions } from '../apps/log-view/log-view-options.ts';
import type { RedisOptions } from '../broker/redis/redis-options.ts';
import type { CompressionOptions, ConnectionLimits, HeartbeatOptions } from '../gateway/gateway-options.ts';
import type { SubscriptionRule } from '../gateway/subscription-rules.ts';
import type { HttpOptions, ListenOptions, LogOptions, TlsOptions } from '../server/server-options.ts';

/** The whole effective configuration of one node: `carillon.yaml` with defaults filled in. */
export interface Config extends ListenOptions {
  /** This node's name, unique in the cluster. Default: the host's name. */
  readonly node: string;
  /** Worker processes; 0 runs everything in one process. Default: one per core. */
  readonly workers: number;
  readonly operations: ListenOptions;
  readonly tls?: TlsOptions;
  readonly log: LogOptions;
  readonly http: HttpOptions;
  readonly limits: ConnectionLimits;
  readonly heartbeat: HeartbeatOptions;
  readonly compression: CompressionOptions;
  /** How long an orderly close waits for a client's answer, in milliseconds. Default 5,000. */
  readonly closeTimeoutMs: number;
  /** Carries publications between nodes. Absent: the embedded broker, between the workers of this node. */
  readonly redis?: RedisOptions;
  /** What holds for which subscriptions; of the patterns that match a name the most specific wins. */
  readonly subscriptions: readonly SubscriptionRule[];
  readonly apps: AppsConfig;
}

export interface AppsConfig {
  readonly echo?: AppOptions;
  readonly chat?: SubscriptionAppOptions;
  readonly 'log-view'?: LogViewOptions;
}
