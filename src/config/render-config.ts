import { Document, isCollection, isMap, isScalar, isSeq } from 'yaml';
import type { ExplainedField } from './explain-subscription.ts';
import type { LoadedConfig } from './load-config.ts';
import type { ConfigPath } from './path.ts';
import { shortOrigin } from './problem.ts';
import { maskSecrets } from './secrets.ts';

/** The effective configuration as YAML: each value with a comment that says where it came from, secrets masked. */
export function renderConfig({ config, originOf }: Pick<LoadedConfig, 'config' | 'originOf'>): string {
  const document = new Document(maskSecrets(config));
  annotate(document.contents, []);
  // An empty list or object with a comment takes three lines; its own comment belongs behind it.
  return document.toString({ lineWidth: 0 }).replaceAll(/:\n *(\[\]|\{\})\n *(?=# )/g, ': $1 ');

  function annotate(node: unknown, path: ConfigPath): void {
    if (isCollection(node) && node.items.length > 0) {
      if (isMap(node)) for (const { key, value } of node.items) annotate(value, [...path, keyOf(key)]);
      if (isSeq(node)) for (const [index, item] of node.items.entries()) annotate(item, [...path, index]);
    } else if (isCollection(node) || isScalar(node)) {
      node.comment = ` ${shortOrigin(originOf(path))}`;
    }
  }
}

/** What holds for one subscription as YAML: a line for each field, with a comment that says who says so. */
export function renderFields(fields: readonly ExplainedField[]): string {
  const document = new Document(Object.fromEntries(fields.map(({ name, value }) => [name, value])));
  for (const { name, source } of fields) {
    const node = document.get(name, true);
    if (isMap(node)) node.flow = true;
    if (isCollection(node) || isScalar(node)) node.comment = ` ${source}`;
  }
  return document.toString({ lineWidth: 0 });
}

function keyOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}
