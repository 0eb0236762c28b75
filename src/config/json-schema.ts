import { z } from 'zod';
import { isRecord, valueAt, type ConfigPath } from './path.ts';
import { configSchema, machineDefaults } from './schema.ts';

/** The part of JSON Schema that the configuration uses. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  /** What keys of the user's choice hold; false where there are none. */
  readonly additionalProperties?: SchemaNode | false;
  readonly items?: SchemaNode;
  readonly enum?: readonly string[];
  /** Sections of which each has a `type` of its own. */
  readonly oneOf?: readonly SchemaNode[];
  /** An object, or something short in its place. */
  readonly anyOf?: readonly SchemaNode[];
  readonly [keyword: string]: unknown;
}

/** The configuration as a JSON Schema (draft 7), for editors; the same on every machine. */
export function jsonSchema(): SchemaNode {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ jsonSchema: node }) => {
      // "readOnly" says that lists are frozen after parsing, which an editor takes as "do not write this".
      delete node.readOnly;
      // A section's own default is the sum of its settings' defaults.
      if (isRecord(node.default)) delete node.default;
    },
  }) as SchemaNode;
  const properties = Object.entries(schema.properties ?? {}).map(([key, node]): [string, SchemaNode] => {
    const words = machineDefaults[key];
    if (words === undefined) return [key, node];
    const { default: _thisMachine, ...rest } = node;
    return [key, { ...rest, description: `${node.description} Default: ${words}.` }];
  });
  return {
    ...schema,
    title: 'Carillon configuration',
    properties: {
      $schema: { type: 'string', description: 'This schema, for editors.' },
      ...Object.fromEntries(properties),
    },
  };
}

/** The node that describes the object at a path of `value`; where variants exist, the one whose `type` the value names. */
export function schemaAt(schema: SchemaNode, value: unknown, path: ConfigPath): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema;
  for (let depth = 0; node !== undefined; depth++) {
    if (node.oneOf) {
      const type = valueAt(value, [...path.slice(0, depth), 'type']);
      node = node.oneOf.find((variant) => variant.properties?.['type']?.const === type);
    }
    if (node?.anyOf) node = node.anyOf.find((variant) => variant.properties !== undefined);
    const segment = path[depth];
    if (segment === undefined || node === undefined) return node;
    node =
      typeof segment === 'number'
        ? node.items
        : (node.properties?.[segment] ?? (node.additionalProperties === false ? undefined : node.additionalProperties));
  }
  return undefined;
}
