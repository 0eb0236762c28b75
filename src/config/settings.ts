import { jsonSchema, type SchemaNode } from './json-schema.ts';

/** One place of the configuration that holds a value rather than further settings. */
export interface Setting {
  readonly path: readonly string[];
  /** `string`, `integer`, `number`, `boolean`, `list` or `object` (keys of the user's choice). */
  readonly type: string;
  /** The variable that sets it; undefined for lists and objects. */
  readonly variable?: string;
  readonly description: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  /** The only values there are. */
  readonly values?: readonly string[];
}

const scalarTypes: readonly string[] = ['string', 'integer', 'number', 'boolean'];

/** Every setting there is, in the order of the schema. */
export function settings(schema: SchemaNode = jsonSchema()): readonly Setting[] {
  const { $schema: _, ...properties } = schema.properties ?? {};
  return below({ type: 'object', properties }, []);
}

function below(node: SchemaNode, path: readonly string[]): Setting[] {
  if (node.oneOf) return mergeVariants(node.oneOf.flatMap((variant) => below(variant, path)));
  if (node.properties) return Object.entries(node.properties).flatMap(([key, child]) => below(child, [...path, key]));
  const type = node.type === 'array' ? 'list' : (node.type ?? 'string');
  const values = typeof node.const === 'string' ? [node.const] : node.enum;
  return [
    {
      path,
      type,
      description: node.description ?? '',
      ...(scalarTypes.includes(type) && { variable: variableName(path) }),
      ...(node.default !== undefined && { default: node.default }),
      ...(node.minimum !== undefined && { minimum: node.minimum }),
      ...(node.maximum !== undefined && { maximum: node.maximum }),
      ...(values !== undefined && { values }),
    },
  ];
}

/** Variants of a section share settings (`type` at least): those become one with the values of all. */
function mergeVariants(found: readonly Setting[]): Setting[] {
  const merged = new Map<string, Setting>();
  for (const setting of found) {
    const key = setting.path.join('\n');
    const before = merged.get(key);
    const values = [...(before?.values ?? []), ...(setting.values ?? [])];
    const description = [before?.description, setting.description].filter(Boolean).join(' ');
    merged.set(key, { ...setting, ...before, description, ...(values.length > 0 && { values }) });
  }
  return [...merged.values()];
}

/** `apps.log-view.limits.messageBytes` → `CARILLON_APPS_LOG_VIEW_LIMITS_MESSAGE_BYTES`. */
export function variableName(path: readonly string[]): string {
  const words = path.map((key) => key.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').replaceAll(/[^A-Za-z0-9]+/g, '_'));
  return `CARILLON_${words.join('_').toUpperCase()}`;
}
