import { z } from 'zod';
import { reservedPrefix, type HistoryRule } from '../broker/broker.ts';
import { everyone } from '../gateway/subscription-name.ts';
import type { SubscriptionRule } from '../gateway/subscription-rules.ts';
import { schemaFor } from './schema-for.ts';
import { flag, integer, list, section, text } from './schema-parts.ts';
import { slowConsumer } from './schema-slow-consumer.ts';

/** In characters; names that are longer are nobody's plan. */
const longestPattern = 1024;

const pattern = text('a subscription name, or a pattern in which "*" stands for any characters', {
  pattern: new RegExp(`^[^]{1,${longestPattern}}$`, 'u'),
})
  .refine((name) => name !== everyone, { error: `another name, as "${everyone}" is every connection and has no rule` })
  .refine((name) => !name.startsWith(reservedPrefix), {
    error: `another name, as those that begin with "${reservedPrefix}" are Carillon's own and have no rule`,
  })
  .describe('A name, or a pattern in which each `*` stands for any characters, or none. The most specific one wins.');

const historySchema: z.ZodType<HistoryRule> = schemaFor<HistoryRule>()(
  section({
    size: integer({ min: 1, max: 100_000, unit: 'publications' }).describe('Most publications that are kept.'),
    ttl: integer({ min: 1, max: 30 * 86_400, unit: 'seconds' }).describe('How long each one is kept, in seconds.'),
  }),
);

const ruleSchema: z.ZodType<SubscriptionRule> = schemaFor<SubscriptionRule>()(
  section({
    pattern,
    history: z
      .union([z.literal(false), historySchema], { error: 'an object with "size" and "ttl", or false for none' })
      .exactOptional()
      .describe('Keeps publications, so that clients that come back get what they missed; false: none.'),
    presence: flag().exactOptional().describe('Whether connections that ask for it are present in the subscription.'),
    slowConsumer: slowConsumer.exactOptional(),
  }),
);

export const subscriptionsSchema: z.ZodType<readonly SubscriptionRule[]> = list(
  'rules, each with a "pattern"',
  ruleSchema,
);
