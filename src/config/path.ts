import { quote } from '../lib/quote.ts';

/** Where a value lives in the configuration: keys of objects and indexes of lists, from the root. */
export type ConfigPath = readonly (string | number)[];

/** Keys that are written bare; all others are quoted, which also keeps control characters off a terminal. */
const bareKey = /^[A-Za-z_$][\w$:-]{0,99}$/;

/** `apps.chat.urls[0]`; a key such as a path is written `["/like/this"]`. */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (!bareKey.test(segment)) text += `[${quote(segment)}]`;
    else text += text === '' ? segment : `.${segment}`;
  }
  return text;
}

/** The value at a path, undefined where there is none. Own properties only. */
export function valueAt(root: unknown, path: ConfigPath): unknown {
  let value = root;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Record<string | number, unknown>)[segment];
  }
  return value;
}

/**
 * A copy of `root` with `value` at `path`; objects on the way are copied, made where missing, shared everywhere else.
 * Something other than an object on the way stays as it is: whoever validates reports it.
 */
export function withValueAt(root: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (root === undefined) return { [key]: withValueAt(undefined, rest, value) };
  if (!isRecord(root)) return root;
  return { ...root, [key]: withValueAt(valueAt(root, [key]), rest, value) };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
