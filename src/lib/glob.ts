/** Globs of paths: `*` and `?` within a directory level, `**` any number of levels. Nothing else is special. */

export function isGlob(path: string): boolean {
  return /[*?]/.test(path);
}

export interface Glob {
  /** The directory above the first level with a wildcard. */
  readonly base: string;
  /** The levels below the base, from the first with a wildcard on. */
  readonly levels: readonly GlobLevel[];
}

/** `anything` stands for `**`; else whether one name on this level matches. */
export type GlobLevel = 'anything' | ((name: string) => boolean);

/** @param pattern an absolute path with wildcards */
export function parseGlob(pattern: string): Glob {
  const names = pattern.split('/');
  const first = names.findIndex(isGlob);
  const literal = first < 0 ? names.length - 1 : first;
  return {
    base: names.slice(0, literal).join('/') || '/',
    levels: names.slice(literal).map((name) => (name === '**' ? 'anything' : nameMatcher(name))),
  };
}

/** Names that begin with a dot match only a pattern that does too, as in a shell. */
function nameMatcher(pattern: string): (name: string) => boolean {
  const source = pattern
    .replaceAll(/[\\^$+.()|[\]{}]/g, String.raw`\$&`)
    // One star is enough: a row of them would only make the expression slow.
    .replaceAll(/\*+/g, '[^]*')
    .replaceAll('?', '[^]');
  const expression = new RegExp(`^${source}$`, 'u');
  const showsHidden = pattern.startsWith('.');
  return (name) => (showsHidden || !name.startsWith('.')) && expression.test(name);
}
