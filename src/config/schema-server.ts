import type { z } from 'zod';
import { Severities, severityNames, type SeverityName } from '../lib/severities.ts';
import type { DrainOptions, HttpOptions, ListenOptions, LogOptions, TlsOptions } from '../server/server-options.ts';
import { isHost } from './host-address.ts';
import { schemaFor } from './schema-for.ts';
import { flag, integer, kibibyte, mebibyte, seconds, section, text } from './schema-parts.ts';

export const host: z.ZodType<string> = text('an IP address or host name to bind to', {
  accepts: isHost,
})
  .default('127.0.0.1')
  .describe('Address to bind to.');

export const port: z.ZodType<number> = integer({ min: 0, max: 65_535 });

export const operationsSchema: z.ZodType<ListenOptions> = schemaFor<ListenOptions>()(
  section({
    host,
    port: port.default(9080).describe('Port of `/metrics`, `/live` and `/ready`; 0 picks a free one.'),
  }),
);

export const file: z.ZodType<string> = text('the path of a file', { pattern: /^[^\0]+$/ });

export const tlsSchema: z.ZodType<TlsOptions> = schemaFor<TlsOptions>()(
  section({
    cert: file.describe('PEM file with the certificate chain; read again when it changes.'),
    key: file.describe('PEM file with the private key.'),
  }),
);

const startingSeverities = new Severities().state;

const switches = Object.fromEntries(
  severityNames.map((name) => [
    name,
    flag().default(startingSeverities[name]).describe(`Whether \`${name}\` lines are written at the start.`),
  ]),
) as Record<SeverityName, z.ZodDefault<z.ZodType<boolean>>>;

export const logSchema: z.ZodType<LogOptions> = schemaFor<LogOptions>()(
  section({
    directory: text('the path of a directory, or "-"', { pattern: /^[^\0]+$/ })
      .default('logs')
      .describe('Where `access.log` and `error.log` are written; `-` for standard output and standard error.'),
    severities: section(switches).prefault({}),
  }),
);

export const drainSchema: z.ZodType<DrainOptions> = schemaFor<DrainOptions>()(
  section({
    delay: seconds({ min: 0, max: 600 })
      .default(0)
      .describe('How long a node that drains goes on accepting connections after `/ready` has turned red, in seconds.'),
    period: seconds({ min: 0, max: 3600 })
      .default(10)
      .describe('Over how long it closes its connections then, evenly paced, in seconds.'),
  }),
);

export const httpSchema: z.ZodType<HttpOptions> = schemaFor<HttpOptions>()(
  section({
    headerBytes: integer({ min: kibibyte, max: mebibyte, unit: 'bytes' })
      .default(16 * kibibyte)
      .describe('Longest header section of a request, in bytes.'),
    headersTimeoutMs: integer({ min: 1, max: 600_000, unit: 'milliseconds' })
      .default(10_000)
      .describe("How long a client may take to send its request's headers, in milliseconds."),
    keepAliveTimeoutMs: integer({ min: 1, max: 600_000, unit: 'milliseconds' })
      .default(5_000)
      .describe('How long an idle keep-alive connection stays open, in milliseconds.'),
  }),
);
