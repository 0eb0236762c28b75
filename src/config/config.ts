import type { AppOptions, SubscriptionAppOptions } from '../apps/app-options.ts';
import type { LogViewOptions } from '../apps/log-view/log-view-options.ts';
import type { RedisOptions } from '../broker/redis/redis-options.ts';
import type {
  CompressionOptions,
  ConnectionLimits,
  FanOutOptions,
  HeartbeatOptions,
  UserCapOptions,
} from '../gateway/gateway-options.ts';
import type { SubscriptionRule } from '../gateway/subscription-rules.ts';
import type { AcceptOptions } from '../http/accept-options.ts';
import type { DrainOptions, HttpOptions, ListenOptions, LogOptions, TlsOptions } from '../server/server-options.ts';

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
  readonly fanOut: FanOutOptions;
  /** How long an orderly close waits for a client's answer, in milliseconds. Default 5,000. */
  readonly closeTimeoutMs: number;
  /** How many handshakes and connections are taken, and whose. */
  readonly accept: AcceptConfig;
  /** How the node takes leave of its clients. */
  readonly drain: DrainOptions;
  /** Carries publications between nodes. Absent: the embedded broker, between the workers of this node. */
  readonly redis?: RedisOptions;
  /** What holds for which subscriptions; of the patterns that match a name the most specific wins. */
  readonly subscriptions: readonly SubscriptionRule[];
  readonly apps: AppsConfig;
}

export interface AcceptConfig extends AcceptOptions {
  readonly perUser: UserCapOptions;
}

export interface AppsConfig {
  readonly echo?: AppOptions;
  readonly chat?: SubscriptionAppOptions;
  readonly 'log-view'?: LogViewOptions;
}
