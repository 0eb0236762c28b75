/** What the reader wants to see, as a predicate over shown text and as ranges to highlight in it. */

export interface FilterOptions {
  readonly text: string;
  readonly regularExpression: boolean;
  readonly matchCase: boolean;
  /** Shows the lines that do not match instead. */
  readonly invert: boolean;
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface LineFilter {
  /** Whether every line passes, so that nobody needs to ask. */
  readonly passesAll: boolean;
  passes(shown: string): boolean;
  /** Where it matches, in order and without overlap; none when inverted, as nothing that is shown matches. */
  ranges(shown: string): readonly Range[];
}

export type CompiledFilter = { readonly filter: LineFilter } | { readonly problem: string };

const everything: LineFilter = { passesAll: true, passes: () => true, ranges: () => [] };

/** More than this in one line are not marked: it would cost more than it tells. */
const markedRangesCap = 200;

export function compileFilter({ text, regularExpression, matchCase, invert }: FilterOptions): CompiledFilter {
  if (text === '') return { filter: everything };
  let expression: RegExp;
  try {
    expression = new RegExp(regularExpression ? text : escaped(text), matchCase ? 'g' : 'gi');
  } catch (error) {
    return { problem: problemOf(error) };
  }
  const matches = (shown: string): boolean => {
    expression.lastIndex = 0;
    return expression.test(shown);
  };
  return {
    filter: {
      passesAll: false,
      passes: invert ? (shown) => !matches(shown) : matches,
      ranges: invert ? () => [] : (shown) => rangesOf(expression, shown),
    },
  };
}

function rangesOf(expression: RegExp, shown: string): readonly Range[] {
  const ranges: Range[] = [];
  // matchAll begins where the expression's last test ended.
  expression.lastIndex = 0;
  for (const match of shown.matchAll(expression)) {
    // An expression such as `x*` matches nothing in many places; nothing cannot be marked.
    if (match[0] !== '') ranges.push({ start: match.index, end: match.index + match[0].length });
    if (ranges.length === markedRangesCap) break;
  }
  return ranges;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

/** `Invalid regular expression: /(/g: Unterminated group` → `Unterminated group`. */
function problemOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /: ([^:]+)$/.exec(message)?.[1] ?? message;
}
