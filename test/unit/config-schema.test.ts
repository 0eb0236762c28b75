import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { describe, expect, it } from 'vitest';
import { jsonSchema, type SchemaNode } from '../../src/config/json-schema.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { schemaFor } from '../../src/config/schema-for.ts';
import { settings, variableName } from '../../src/config/settings.ts';
import type { TlsOptions } from '../../src/server/server-options.ts';

const example = fileURLToPath(new URL('../../examples/carillon.yaml', import.meta.url));
const clusterExample = fileURLToPath(new URL('../../examples/carillon-cluster.yaml', import.meta.url));

describe('the schema', () => {
  it('agrees with the interfaces, or does not compile', () => {
    const make = schemaFor<TlsOptions>();
    make(z.strictObject({ cert: z.string(), key: z.string() }));
    // @ts-expect-error a key is missing
    make(z.strictObject({ cert: z.string() }));
    // @ts-expect-error a key too many
    make(z.strictObject({ cert: z.string(), key: z.string(), ca: z.string().exactOptional() }));
    // @ts-expect-error another type
    make(z.strictObject({ cert: z.string(), key: z.number() }));
  });

  it('describes every setting', () => {
    for (const setting of settings()) expect(setting.description, setting.path.join('.')).toMatch(/\.$/);
  });

  it('gives every setting a variable of its own', () => {
    const names = settings().flatMap(({ variable }) => variable ?? []);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('CARILLON_LIMITS_MESSAGE_BYTES');
    expect(names).toContain('CARILLON_APPS_LOG_VIEW_AUTH_SECRET');
    expect(variableName(['log', 'severities', 'carillon:handshake'])).toBe(
      'CARILLON_LOG_SEVERITIES_CARILLON_HANDSHAKE',
    );
  });

  it('becomes a JSON Schema that is the same on every machine and demands nothing that has a default', () => {
    const schema = jsonSchema();
    expect(schema.properties?.['workers']).toEqual({
      type: 'integer',
      minimum: 0,
      maximum: 1024,
      description: 'Worker processes; 0 runs everything in one process. Default: one per core.',
    });
    expect(schema.properties?.['port']).toMatchObject({
      default: 8080,
      description: 'Public port; 0 picks a free one.',
    });
    expect(schema).not.toHaveProperty('required');
    expect(JSON.stringify(schema)).not.toContain('readOnly');
    const objects = (node: SchemaNode): SchemaNode[] => [
      node,
      ...[
        ...Object.values(node.properties ?? {}),
        ...(node.oneOf ?? []),
        ...(node.anyOf ?? []),
        ...(node.items ? [node.items] : []),
      ].flatMap(objects),
    ];
    for (const node of objects(schema)) if (node.properties) expect(node.additionalProperties).toBe(false);
  });

  it('accepts the full example, which names every top-level section', async () => {
    const { config } = loadConfig({ cwd: '/', flags: { config: example } });
    expect(config.apps.chat?.urls).toEqual(['/websocket/chat', '/websocket/lounge']);
    const text = await readFile(example, 'utf8');
    for (const key of Object.keys(jsonSchema().properties ?? {})) {
      if (key !== '$schema') expect(text, key).toMatch(new RegExp(`^(?:# )?${key}:`, 'm'));
    }
  });

  it('accepts the example of a cluster, which names every setting of Redis and of a subscription', async () => {
    const { config } = loadConfig({ cwd: '/', flags: { config: clusterExample } });
    expect(config.redis).toMatchObject({ url: 'redis://127.0.0.1:6379', publishQueue: { messages: 10_000 } });
    expect(config.subscriptions).toHaveLength(2);
    const text = await readFile(clusterExample, 'utf8');
    const { redis, subscriptions } = jsonSchema().properties ?? {};
    const names = [...Object.keys(redis?.properties ?? {}), ...Object.keys(subscriptions?.items?.properties ?? {})];
    expect(names).toContain('presenceTtl');
    for (const name of names) {
      expect(text, name).toMatch(new RegExp(`^ *(?:# )?(?:- )?${name}:`, 'm'));
    }
  });

  it('offers editors a short and a long form where there are two', () => {
    const { redis, subscriptions } = jsonSchema().properties ?? {};
    const forms = (node: SchemaNode | undefined): unknown => node?.anyOf?.map(({ type, const: only }) => type ?? only);
    expect(forms(redis?.properties?.['cluster']?.items)).toEqual(['string', 'object']);
    expect(forms(subscriptions?.items?.properties?.['history'])).toEqual(['boolean', 'object']);
    expect(redis).not.toHaveProperty('required');
  });
});
