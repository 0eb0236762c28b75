import { isIP } from 'node:net';
import { z } from 'zod';
import { defaultUserCap, type UserCapOptions } from '../gateway/gateway-options.ts';
import { defaultAcceptOptions } from '../http/accept-options.ts';
import type { AcceptConfig } from './config.ts';
import { schemaFor } from './schema-for.ts';
import { integer, list, section, text } from './schema-parts.ts';

const proxy = text('an IP address, or a network such as 10.0.0.0/8', { accepts: isAddressOrNetwork });

const perUserSchema: z.ZodType<UserCapOptions> = schemaFor<UserCapOptions>()(
  section({
    connections: integer({ min: 0, max: 10_000, unit: 'connections' })
      .default(defaultUserCap.connections)
      .describe('Most open connections of one authenticated user in the whole cluster; 0: no cap.'),
    excess: z
      .enum(['reject', 'close-oldest'], { error: '"reject" or "close-oldest"' })
      .default(defaultUserCap.excess)
      .describe(
        'Which connection is closed where a user has too many: the new one with 4501 (reject) or the oldest with 4504 (close-oldest).',
      ),
  }),
);

export const acceptSchema: z.ZodType<AcceptConfig> = schemaFor<AcceptConfig>()(
  section({
    rate: integer({ min: 0, max: 1_000_000, unit: 'handshakes per second' })
      .default(defaultAcceptOptions.rate)
      .describe('Most WebSocket handshakes per second and worker; more are answered with 503. 0: no limit.'),
    burst: integer({ min: 1, max: 1_000_000, unit: 'handshakes' })
      .default(defaultAcceptOptions.burst)
      .describe('How many of them may come at once after a rest.'),
    connections: integer({ min: 0, max: 10_000_000, unit: 'connections' })
      .default(defaultAcceptOptions.connections)
      .describe('Most open WebSocket connections per worker; above it handshakes are answered with 503. 0: no cap.'),
    perAddress: integer({ min: 0, max: 1_000_000, unit: 'connections' })
      .default(defaultAcceptOptions.perAddress)
      .describe(
        'Most open WebSocket connections per worker of one address, or of one /64 of IPv6; above it handshakes are answered with 429. 0: no cap.',
      ),
    perUser: perUserSchema.prefault({}),
    trustedProxies: list('IP addresses and networks', proxy)
      .default(defaultAcceptOptions.trustedProxies)
      .describe('Proxies, by address or network, whose `X-Forwarded-For` says who the client is.'),
  }),
);

function isAddressOrNetwork(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}
