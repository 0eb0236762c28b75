import { z } from 'zod';

// Every part carries its error as the phrase after "expected", so that a problem reads the same wherever it came from.

/** An integer with its range, in a unit. */
export function integer(range: { min: number; max: number; unit?: string }): z.ZodType<number> {
  const unit = range.unit === undefined ? '' : ` (${range.unit})`;
  const error = `an integer from ${range.min} to ${range.max}${unit}`;
  return z.int({ error }).min(range.min, { error }).max(range.max, { error });
}

/** A number of seconds with its range; people write fractions of them too. */
export function seconds(range: { min: number; max: number }): z.ZodType<number> {
  const error = `a number from ${range.min} to ${range.max} (seconds)`;
  return z.number({ error }).min(range.min, { error }).max(range.max, { error });
}

/** A string of some form. A pattern reaches the JSON Schema; `accepts` says what a pattern cannot. */
export function text(
  expected: string,
  { pattern, accepts }: { pattern?: RegExp; accepts?: (value: string) => boolean } = {},
): z.ZodType<string> {
  let schema = z.string({ error: expected });
  if (pattern) schema = schema.regex(pattern, { error: expected, abort: true });
  if (accepts) schema = schema.refine(accepts, { error: expected });
  return schema;
}

export function flag(): z.ZodType<boolean> {
  return z.boolean({ error: 'true or false' });
}

/** A fixed set of keys; others are problems. */
export function section<const Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, { error: 'an object' });
}

/** @param none what is expected where the list is empty; left out, that is allowed */
export function list<Item extends z.ZodType>(
  what: string,
  item: Item,
  { none }: { none?: string } = {},
): z.ZodReadonly<z.ZodArray<Item>> {
  const schema = z.array(item, { error: `a list of ${what}` });
  return (none === undefined ? schema : schema.min(1, { error: none })).readonly();
}

/**
 * Keys of the user's choice.
 * @param none what is expected where there is no key at all; left out, that is allowed
 */
export function table(
  key: z.ZodType<string>,
  value: z.ZodType<string>,
  what: string,
  { none }: { none?: string } = {},
): z.ZodType<Record<string, string>> {
  const schema = z.record(key as z.ZodType<string, string>, value, { error: `an object of ${what}` });
  if (none === undefined) return schema;
  // No check of Zod's own counts keys; `minProperties` says it to editors.
  return schema.refine((entries) => Object.keys(entries).length > 0, { error: none }).meta({ minProperties: 1 });
}

export const kibibyte = 1024;
export const mebibyte: number = 1024 * kibibyte;
