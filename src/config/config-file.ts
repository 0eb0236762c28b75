import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Pair,
  type YAMLMap,
} from 'yaml';
import type { ConfigPath } from './path.ts';
import type { Origin, Problem } from './problem.ts';
import { explainYamlError } from './yaml-errors.ts';

/** A file with more aliases than this is taken for an attempt to exhaust memory. */
const maxAliasCount = 100;

/**
 * Reads a configuration file as YAML, of which JSON is a part.
 * @param label the file as problems name it
 * @returns the file, or what keeps it from being read at all
 */
export function parseConfigFile(label: string, bytes: Uint8Array): ConfigFile | readonly Problem[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return wholeFile(label, 'found bytes that are not UTF-8', 'a text file in UTF-8');
  }
  const file = parseYaml(label, text);
  // The YAML parser says where a fault is; what is YAML and not JSON only JSON.parse refuses.
  if (file instanceof ConfigFile && label.endsWith('.json') && !isJson(text)) {
    return wholeFile(
      label,
      'found something else than JSON',
      'JSON, without comments and final commas, or a file name that ends with .yaml',
    );
  }
  return file;
}

function parseYaml(label: string, text: string): ConfigFile | readonly Problem[] {
  const lines = new LineCounter();
  // An explicit schema keeps `yes` a text and `<<` a key, whatever a %YAML line says.
  // The package's own warnings would quote the file on standard error.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
    schema: 'core',
    merge: false,
    // The package compares each key with all before it, which takes seconds for a section of thousands.
    uniqueKeys: false,
  });
  const originAt = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { kind: 'file', file: label, line, column: col };
  };
  // What follows a syntax error is mostly its echo.
  const [syntaxError] = [...document.errors, ...document.warnings];
  if (syntaxError !== undefined) {
    return [{ origin: originAt(syntaxError.pos[0]), path: [], ...explainYamlError(syntaxError.code) }];
  }
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    return wholeFile(
      label,
      'found an empty file',
      'settings such as "port: 8080"; without any file Carillon runs its demo',
    );
  }
  if (!isMap(contents)) return wholeFile(label, 'found something else than settings', 'an object at the top');
  try {
    const { odd, repeated } = checkKeys(document);
    if (odd !== undefined) {
      return [
        { origin: originAt(odd), path: [], found: 'found a list, object or alias as a key', expected: oddKeyExpected },
      ];
    }
    const dangling = danglingAlias(document);
    if (dangling !== undefined) {
      return [
        { origin: originAt(dangling), path: [], found: 'found an alias (*name) of nothing', expected: aliasExpected },
      ];
    }
    const value: unknown = document.toJS({ maxAliasCount });
    const problems = repeated.map((offset) => {
      return { origin: originAt(offset), path: [], ...explainYamlError('DUPLICATE_KEY') };
    });
    return new ConfigFile(label, { value, problems, document, lines });
  } catch (error) {
    if (!(error instanceof ReferenceError) && !(error instanceof RangeError)) throw error;
    const expected = `anchors (&name) before their aliases, and at most ${maxAliasCount} aliases`;
    return wholeFile(label, 'found aliases (*name) that cannot be resolved', expected);
  }
}

const oddKeyExpected = 'a text, in quotes where it begins with a bracket';
const aliasExpected = 'an anchor (&name) before it, or quotes around a text that begins with "*"';

/** Offset of the first alias without an anchor before it, such as a pattern that lacks its quotes. */
function danglingAlias(document: Document.Parsed): number | undefined {
  const anchors = new Set<string>();
  let dangling: number | undefined;
  visit(document, (_, node) => {
    if (isAlias(node) && !anchors.has(node.source)) {
      dangling = node.range?.[0] ?? 0;
      return visit.BREAK;
    }
    if (isNode(node) && !isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor);
    return undefined;
  });
  return dangling;
}

interface KeyFaults {
  /** Offset of the first key that is no scalar. As an object's key it would be the text of all that is in it. */
  readonly odd: number | undefined;
  /** Offsets of keys that their object had before. */
  readonly repeated: readonly number[];
}

function checkKeys(document: Document.Parsed): KeyFaults {
  let odd: number | undefined;
  const repeated: number[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<string>();
      for (const { key } of items) {
        const offset = isNode(key) ? (key.range?.[0] ?? 0) : 0;
        if (isNode(key) && !isScalar(key)) {
          odd = offset;
          return visit.BREAK;
        }
        const text = keyText(key);
        if (text === undefined) continue;
        if (seen.has(text)) repeated.push(offset);
        seen.add(text);
      }
      return undefined;
    },
  });
  return { odd, repeated };
}

function wholeFile(label: string, found: string, expected: string): readonly Problem[] {
  return [{ origin: { kind: 'file', file: label, line: 1, column: 1 }, path: [], found, expected }];
}

/** A configuration file that could be read: its value, not yet validated, and what is written where. */
export class ConfigFile {
  readonly label: string;
  /** Plain objects, lists and scalars. */
  readonly value: unknown;
  /** What is wrong without hiding the rest: keys given twice. */
  readonly problems: readonly Problem[];
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  /** Pairs by key of those objects that were asked about: a search per question would be slow in an object of thousands. */
  readonly #pairs = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();

  constructor(
    label: string,
    parsed: { value: unknown; problems: readonly Problem[]; document: Document.Parsed; lines: LineCounter },
  ) {
    this.label = label;
    this.value = parsed.value;
    this.problems = parsed.problems;
    this.#document = parsed.document;
    this.#lines = parsed.lines;
  }

  /**
   * Where the value at `path` is written, or with `at: 'key'` its key; undefined where the file does not say it.
   * An alias is where it is used; what a text stands for, such as the host in "host:port", is where the text is.
   */
  originOf(path: ConfigPath, at: 'key' | 'value' = 'value'): Origin | undefined {
    let node: unknown = this.#document.contents;
    let key: unknown;
    for (const segment of path) {
      const collection = isAlias(node) ? node.resolve(this.#document) : node;
      if (isSeq(collection) && typeof segment === 'number') {
        key = undefined;
        node = collection.items[segment];
      } else if (!isShorthand(collection)) {
        const pair =
          isMap(collection) && typeof segment === 'string' ? this.#pairsOf(collection).get(segment) : undefined;
        key = pair?.key;
        node = pair?.value ?? key;
      }
      if (node === undefined) return undefined;
    }
    const place = at === 'key' && isNode(key) ? key : node;
    const offset = isNode(place) ? place.range?.[0] : undefined;
    if (offset === undefined) return undefined;
    const { line, col } = this.#lines.linePos(offset);
    return { kind: 'file', file: this.label, line, column: col };
  }

  /** Where a key is given twice, the last one counts. */
  #pairsOf(map: YAMLMap): ReadonlyMap<string, Pair> {
    let pairs = this.#pairs.get(map);
    if (pairs === undefined) {
      pairs = new Map(
        map.items.flatMap((pair) => {
          const key = keyText(pair.key);
          return key === undefined ? [] : [[key, pair]];
        }),
      );
      this.#pairs.set(map, pairs);
    }
    return pairs;
  }
}

/** A text that stands for an object. */
function isShorthand(node: unknown): boolean {
  return isScalar(node) && typeof node.value === 'string' && node.value !== '';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A key as it becomes an object's key; undefined for what cannot be one. */
function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  const { value } = key;
  if (value === null) return '';
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
