import type { SlowConsumerPolicy, SubscriptionRule } from '../../gateway/subscription-rules.ts';

/**
 * Publications of a log that are kept, and how long, in seconds. Of 64 KiB each at the very most, with what they say of
 * their lines, they are less than 32 MiB: see docs/log-view.md.
 */
const linesHistory = { size: 400, ttl: 600 } as const;
/** A node's record: the last one counts. It is renewed long before its time is over. */
export const recordHistory = { size: 1, ttl: 3_600 } as const;

/** The subscription of a log's lines, the same on all nodes. */
export function logSubscription(log: string): string {
  return `log:${log}`;
}

/** Where a node puts down its last lines of a log. Nobody subscribes to it: its history is read. */
export function recordSubscription(log: string, node: string): string {
  // No log's name ends where another's goes on.
  return `log-record:${encodeURIComponent(log)}:${node}`;
}

/** What log-view's own subscriptions keep, and what happens to viewers that do not read fast enough. */
export function logRules(slowConsumer?: SlowConsumerPolicy): readonly SubscriptionRule[] {
  return [
    {
      pattern: 'log:*',
      history: linesHistory,
      presence: false,
      ...(slowConsumer === undefined ? {} : { slowConsumer }),
    },
    { pattern: 'log-record:*', history: recordHistory, presence: false },
  ];
}
