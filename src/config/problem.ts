import { formatPath, type ConfigPath } from './path.ts';

/** Where a value came from. Later ones win: default or demo, file, variable, flag. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'demo' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'flag'; readonly name: string };

/** One thing that is wrong with a configuration. Secrets are masked before they get here. */
export interface Problem {
  readonly origin: Origin;
  /** Empty where the problem is with no setting in particular. */
  readonly path: ConfigPath;
  /** What is there, as a phrase: `found "80a"`, `missing`, `unknown key`. */
  readonly found: string;
  /** What should be there, as a noun phrase. */
  readonly expected: string;
  /** What was probably meant. */
  readonly suggestion?: string;
}

/** Whoever has this many problems has one of another kind, such as the wrong file. */
const mostTold = 100;

/** A configuration that must not be started. Its message has a line for each of the first problems. */
export class ConfigError extends Error {
  readonly code = 'CARILLON_CONFIG';
  /** All of them, at least one: those of the file from its top, then variables, then flags. */
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const sorted = problems.toSorted(inReadingOrder);
    super(summarize(sorted).join('\n'));
    this.name = 'ConfigError';
    this.problems = sorted;
  }
}

function summarize(problems: readonly Problem[]): readonly string[] {
  const told = problems.slice(0, mostTold).map(formatProblem);
  const more = problems.length - told.length;
  return more === 0 ? told : [...told, `and ${more} more`];
}

const kinds: readonly Origin['kind'][] = ['default', 'demo', 'file', 'variable', 'flag'];

function inReadingOrder({ origin: left }: Problem, { origin: right }: Problem): number {
  if (left.kind === 'file' && right.kind === 'file') return left.line - right.line || left.column - right.column;
  return kinds.indexOf(left.kind) - kinds.indexOf(right.kind);
}

/** One line: `carillon.yaml:4:9: apps.chat.urls[0]: found "chat", expected …; did you mean "/chat"?` */
function formatProblem({ origin, path, found, expected, suggestion }: Problem): string {
  const place = origin.kind === 'default' || origin.kind === 'demo' ? [] : [formatOrigin(origin)];
  if (path.length > 0) place.push(formatPath(path));
  const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
  return `${[...place, found].join(': ')}, expected ${expected}${hint}`;
}

export function formatOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'default':
      return 'default';
    case 'demo':
      return 'demo';
    case 'file':
      return `${origin.file}:${origin.line}:${origin.column}`;
    case 'variable':
    case 'flag':
      return origin.name;
  }
}

/** Where a value came from, for a list of many: a file's line without the column. */
export function shortOrigin(origin: Origin): string {
  return origin.kind === 'file' ? `${origin.file}:${origin.line}` : formatOrigin(origin);
}
