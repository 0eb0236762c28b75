/** The last lines that came of each file, so that a backlog after a reconnection repeats nothing. */

/** Enough to be found again among lines that look alike; memory is kept for no more than twice as many. */
const rememberedLines = 64;

export class Journal {
  readonly #files = new Map<string, string[]>();

  note(file: string, lines: readonly string[]): void {
    const known = this.#files.get(file) ?? [];
    for (const line of lines.slice(-rememberedLines)) known.push(line);
    this.#files.set(file, known.length > 2 * rememberedLines ? known.slice(-rememberedLines) : known);
  }

  /** Files of which a line ever came. */
  get files(): Iterable<string> {
    return this.#files.keys();
  }

  /**
   * @param backlog in the file's order
   * @returns how many lines at the backlog's beginning came already; 0 when nothing in it is known
   */
  overlap(file: string, backlog: readonly string[]): number {
    return overlap(this.#files.get(file) ?? [], backlog);
  }

  clear(): void {
    this.#files.clear();
  }
}

/**
 * Where the known lines end in a backlog: after the first place that has all of them, or, if the backlog begins among
 * them, after the longest beginning that they end with. In doubt it says less, as a line shown twice is better than a
 * line not shown.
 */
export function overlap(known: readonly string[], backlog: readonly string[]): number {
  if (known.length === 0) return 0;
  const whole = walk(known, backlog, true);
  return whole ?? walk(backlog, known, false) ?? 0;
}

/**
 * Knuth, Morris, Pratt: walks through `lines` keeping how many of `pattern`'s first lines end here.
 * @returns with `whole` the number of lines up to the end of the first occurrence; else how many of the pattern's first
 *   lines end `lines`
 */
function walk(pattern: readonly string[], lines: readonly string[], whole: boolean): number | undefined {
  const borders = bordersOf(pattern);
  let matched = 0;
  for (const [index, line] of lines.entries()) {
    while (matched > 0 && pattern[matched] !== line) matched = borders[matched - 1] ?? 0;
    if (pattern[matched] === line) matched++;
    if (whole && matched === pattern.length) return index + 1;
  }
  return whole ? undefined : matched;
}

/** For each beginning of the pattern, the length of its longest proper beginning that is also its end. */
function bordersOf(pattern: readonly string[]): number[] {
  const borders = [0];
  let matched = 0;
  for (let i = 1; i < pattern.length; i++) {
    while (matched > 0 && pattern[matched] !== pattern[i]) matched = borders[matched - 1] ?? 0;
    if (pattern[matched] === pattern[i]) matched++;
    borders.push(matched);
  }
  return borders;
}
