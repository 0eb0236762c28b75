import { z } from 'zod';
import { slowConsumerPolicies, type SlowConsumerPolicy } from '../gateway/subscription-rules.ts';

/** What happens to clients that do not read fast enough; said by rules and by apps. */
export const slowConsumer: z.ZodType<SlowConsumerPolicy> = z
  .enum(slowConsumerPolicies, { error: `one of ${slowConsumerPolicies.join(', ')}` })
  .describe(
    'disconnect: who is too far behind is closed with 1013. resync: it misses publications until it has caught up, and is then given them from history. drop-oldest: the oldest that wait for it are dropped, and it is told how many. keep-latest: while it is behind only the newest waits for it.',
  );
