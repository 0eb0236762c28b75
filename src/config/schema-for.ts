import type { z } from 'zod';

/** A type without `readonly`, `?` and the shape of its aliases, for comparing two of them key by key. */
type Bare<T> = T extends readonly (infer Item)[]
  ? Bare<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]-?: Bare<Exclude<T[Key], undefined>> }
    : T;

type Agrees<A, B> = [Bare<A>] extends [Bare<B>] ? ([Bare<B>] extends [Bare<A>] ? true : false) : false;

/**
 * Types a schema as the hand-written interface, and refuses to compile when the two disagree: a key, or a type, that is
 * in only one of them.
 *
 *     export const tlsSchema: z.ZodType<TlsOptions> = schemaFor<TlsOptions>()(z.strictObject({ … }));
 */
export function schemaFor<Target>(): <Schema extends z.ZodType<Target>>(
  schema: Agrees<z.output<Schema>, Target> extends true ? Schema : never,
) => z.ZodType<Target> {
  return (schema) => schema;
}
