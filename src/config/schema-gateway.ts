import type { z } from 'zod';
import {
  defaultFanOut,
  defaultGatewayOptions,
  defaultLimits,
  type CompressionOptions,
  type ConnectionLimits,
  type FanOutOptions,
  type HeartbeatOptions,
} from '../gateway/gateway-options.ts';
import { schemaFor } from './schema-for.ts';
import { flag, integer, mebibyte, section } from './schema-parts.ts';

const { heartbeat, compression } = defaultGatewayOptions;
const limits = defaultLimits;

export const messageBytes: z.ZodType<number> = integer({ min: 1, max: 256 * mebibyte, unit: 'bytes' }).describe(
  'Largest message a client may send, in bytes after decompression; a longer one closes with 1009.',
);

export const outboxBytes: z.ZodType<number> = integer({ min: 1024, max: 1024 * mebibyte, unit: 'bytes' }).describe(
  'Most bytes that may wait for one client; above it the connection is closed with 1013, or what `slowConsumer` says happens.',
);

export const messagesPerSecond: z.ZodType<number> = integer({ min: 0, max: 1_000_000, unit: 'messages' }).describe(
  "Most messages a client may send per second, and two seconds' worth at once; more close with 4502. 0: no limit.",
);

export const bytesPerSecond: z.ZodType<number> = integer({ min: 0, max: 1024 * mebibyte, unit: 'bytes' }).describe(
  "Most bytes of messages a client may send per second, and two seconds' worth at once; more close with 4502. 0: no limit.",
);

export const subscriptions: z.ZodType<number> = integer({ min: 0, max: 1_000_000, unit: 'subscriptions' }).describe(
  'Most subscriptions one connection may be in; one more closes with 4503. 0: no limit.',
);

export const limitsSchema: z.ZodType<ConnectionLimits> = schemaFor<ConnectionLimits>()(
  section({
    messageBytes: messageBytes.default(limits.messageBytes),
    outboxBytes: outboxBytes.default(limits.outboxBytes),
    messagesPerSecond: messagesPerSecond.default(limits.messagesPerSecond),
    bytesPerSecond: bytesPerSecond.default(limits.bytesPerSecond),
    subscriptions: subscriptions.default(limits.subscriptions),
  }),
);

export const heartbeatSchema: z.ZodType<HeartbeatOptions> = schemaFor<HeartbeatOptions>()(
  section({
    intervalMs: integer({ min: 0, max: 3_600_000, unit: 'milliseconds' })
      .default(heartbeat.intervalMs)
      .describe('How often each connection is pinged, in milliseconds; 0 switches the heartbeat off.'),
  }),
);

export const compressionSchema: z.ZodType<CompressionOptions> = schemaFor<CompressionOptions>()(
  section({
    enabled: flag().default(compression.enabled).describe('Offers permessage-deflate (RFC 7692).'),
    thresholdBytes: integer({ min: 0, max: 16 * mebibyte, unit: 'bytes' })
      .default(compression.thresholdBytes)
      .describe('Messages below this many bytes are sent as they are.'),
    level: integer({ min: 1, max: 9 }).default(compression.level).describe('zlib level, 1 (fast) to 9 (small).'),
  }),
);

export const fanOutSchema: z.ZodType<FanOutOptions> = schemaFor<FanOutOptions>()(
  section({
    gatherMs: integer({ min: 0, max: 1_000, unit: 'milliseconds' })
      .default(defaultFanOut.gatherMs)
      .describe(
        'Longest that a room with more than 250 subscribers on a worker, which takes over a third of its time, gathers messages to send them together, in milliseconds. 0: never.',
      ),
  }),
);
