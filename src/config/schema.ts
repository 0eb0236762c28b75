import { availableParallelism, hostname } from 'node:os';
import type { z } from 'zod';
import { defaultGatewayOptions } from '../gateway/gateway-options.ts';
import type { Config } from './config.ts';
import { acceptSchema } from './schema-accept.ts';
import { appsSchema } from './schema-apps.ts';
import { redisSchema } from './schema-redis.ts';
import { schemaFor } from './schema-for.ts';
import { compressionSchema, fanOutSchema, heartbeatSchema, limitsSchema } from './schema-gateway.ts';
import { integer, section, text } from './schema-parts.ts';
import { drainSchema, host, httpSchema, logSchema, operationsSchema, port, tlsSchema } from './schema-server.ts';
import { subscriptionsSchema } from './schema-subscriptions.ts';

const nodeNamePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/;

/** The host's name, with anything that a node's name may not hold replaced. */
export function defaultNode(name: string = hostname()): string {
  const plain = name
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 253);
  return plain === '' ? 'carillon' : plain;
}

/** The configuration as a file may say it; parsing fills the defaults in. */
export const configSchema: z.ZodType<Config> = schemaFor<Config>()(
  section({
    host,
    port: port.default(8080).describe('Public port; 0 picks a free one.'),
    node: text('a node name of letters, digits and ._- that begins with a letter, digit or _', {
      pattern: nodeNamePattern,
    })
      .default(() => defaultNode())
      .describe("This node's name, unique in the cluster."),
    workers: integer({ min: 0, max: 1024, unit: 'worker processes' })
      .default(() => availableParallelism())
      .describe('Worker processes; 0 runs everything in one process.'),
    operations: operationsSchema.prefault({}),
    tls: tlsSchema.exactOptional(),
    log: logSchema.prefault({}),
    http: httpSchema.prefault({}),
    limits: limitsSchema.prefault({}),
    heartbeat: heartbeatSchema.prefault({}),
    compression: compressionSchema.prefault({}),
    fanOut: fanOutSchema.prefault({}),
    closeTimeoutMs: integer({ min: 1, max: 600_000, unit: 'milliseconds' })
      .default(defaultGatewayOptions.closeTimeoutMs)
      .describe("How long an orderly close waits for a client's answer, in milliseconds."),
    accept: acceptSchema.prefault({}),
    drain: drainSchema.prefault({}),
    redis: redisSchema
      .exactOptional()
      .describe('Carries publications between nodes. Default: the embedded broker, between the workers of this node.'),
    subscriptions: subscriptionsSchema
      .default([])
      .describe('What holds for which subscriptions. Of the patterns that match a name the most specific wins.'),
    apps: appsSchema.prefault({}),
  }),
);

/** Defaults that depend on the machine, in words. */
export const machineDefaults: Readonly<Record<string, string>> = {
  node: "the host's name",
  workers: 'one per core',
};
