import { z } from 'zod';
import type { AppOptions, SubscriptionAppOptions } from '../apps/app-options.ts';
import type { LogViewOptions } from '../apps/log-view/log-view-options.ts';
import { appUrlPattern, expectedOfUrl } from './app-url.ts';
import type { AppsConfig } from './config.ts';
import { isOrigin } from './origin-header.ts';
import { authSchema } from './schema-auth.ts';
import { schemaFor } from './schema-for.ts';
import { bytesPerSecond, messageBytes, messagesPerSecond, outboxBytes, subscriptions } from './schema-gateway.ts';
import { flag, integer, kibibyte, list, mebibyte, section, table, text } from './schema-parts.ts';
import { slowConsumer } from './schema-slow-consumer.ts';

const url = z
  .string({ error: 'a URL path that begins with "/"' })
  .regex(appUrlPattern, { error: (issue) => expectedOfUrl(String(issue.input)) ?? 'a URL path' });

const origin = text('"*" or an origin such as "https://www.example.com"', { accepts: isOrigin });

const urls = list('URL paths', url)
  .default([])
  .describe('URLs at which the app lives, each an independent instance. No URLs: the app is off.');
const auth = authSchema.exactOptional().describe('Who may connect. Default: anybody.');
const origins = list('origins', origin)
  .exactOptional()
  .describe('Origins whose pages may connect, `*` for any. Default: only pages of the same host.');

const slowConsumerOfApp = slowConsumer
  .exactOptional()
  .describe(
    'What happens to clients that do not read fast enough, unless a rule in `subscriptions` says so. Default: `disconnect`.',
  );

/** A limit that an app leaves to the gateway unless it says so. */
function inherited(limit: z.ZodType<number>): z.ZodExactOptional<z.ZodType<number>> {
  return limit.exactOptional().describe(`${limit.description} Default: that of \`limits\`.`);
}

/** Limits that every app leaves to the gateway unless it says so. */
const inheritedLimits = {
  messagesPerSecond: inherited(messagesPerSecond),
  bytesPerSecond: inherited(bytesPerSecond),
  subscriptions: inherited(subscriptions),
};

/** The public RFC 6455 conformance suite sends messages of 16 MiB, and expects them back. */
const echoSchema: z.ZodType<AppOptions> = schemaFor<AppOptions>()(
  section({
    urls,
    auth,
    origins,
    limits: section({
      messageBytes: messageBytes.default(16 * mebibyte),
      outboxBytes: outboxBytes.default(64 * mebibyte),
      ...inheritedLimits,
    }).prefault({}),
  }),
);

/** Six times as many, which JSON may take, still fit in the largest outbox. */
const textBytes = integer({ min: 1, max: 128 * mebibyte, unit: 'bytes' }).describe(
  'Longest text of one message, in bytes of UTF-8.',
);

/** What people type is short. */
const chatSchema: z.ZodType<SubscriptionAppOptions> = schemaFor<SubscriptionAppOptions>()(
  section({
    urls,
    auth,
    origins,
    limits: section({
      messageBytes: textBytes.default(64 * kibibyte),
      outboxBytes: inherited(outboxBytes),
      ...inheritedLimits,
    }).prefault({}),
    slowConsumer: slowConsumerOfApp,
  }),
);

/** Carillon's own logs, which are there besides. */
const ownLogNames: readonly string[] = ['access', 'error'];

const logName = text('a log name of letters, digits and ._- that begins with a letter or digit', {
  pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
}).refine((name) => !ownLogNames.includes(name), {
  error: 'another name, as "access" and "error" are Carillon\'s own logs',
});

/** What a viewer says is short; what it is sent may come in bursts. */
const logViewSchema: z.ZodType<LogViewOptions> = schemaFor<LogViewOptions>()(
  section({
    urls,
    auth,
    origins,
    limits: section({
      messageBytes: messageBytes.default(16 * kibibyte),
      outboxBytes: outboxBytes.default(16 * mebibyte),
      ...inheritedLimits,
    }).prefault({}),
    slowConsumer: slowConsumerOfApp,
    logs: table(logName, text('a path or glob', { pattern: /^[^\0]+$/ }), 'log names with their paths')
      .default({})
      .describe("Log name → path or glob of its files. Carillon's own `access` and `error` logs are there besides."),
    refresh: integer({ min: 10, max: 60_000, unit: 'milliseconds' })
      .default(250)
      .describe('How often what was appended is multicast, in milliseconds.'),
    tail: integer({ min: 0, max: 10_000, unit: 'lines' }).default(100).describe('Lines of backlog sent on opening.'),
    public: flag()
      .default(false)
      .describe('Lets anybody watch. Without it `auth` is required: a log reveals internals.'),
  }),
);

export const appsSchema: z.ZodType<AppsConfig> = schemaFor<AppsConfig>()(
  section({
    echo: echoSchema.exactOptional().describe('Returns every message to its sender.'),
    chat: chatSchema.exactOptional().describe('A chat room per URL.'),
    'log-view': logViewSchema.exactOptional().describe('Follows log files.'),
  }),
);
