import type { HistoryRule } from '../broker/broker.ts';

/** `disconnect`: the connection is closed with 1013. `resync`: it misses publications until its outbox is empty and is then given them from history, or a gap notice where there is none. */
export type SlowConsumerPolicy = 'disconnect' | 'resync';

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
