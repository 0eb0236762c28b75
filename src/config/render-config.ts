import { Document, isCollection, isMap, isScalar, isSeq } from 'yaml';
import type { LoadedConfig } from './load-config.ts';
import type { ConfigPath } from './path.ts';
import type { Origin } from './problem.ts';
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
      node.comment = ` ${describe(originOf(path))}`;
    }
  }
}

function keyOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function describe(origin: Origin): string {
  if (origin.kind === 'file') return `${origin.file}:${origin.line}`;
  return origin.kind === 'variable' || origin.kind === 'flag' ? origin.name : origin.kind;
}
