import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** One operation of `lua/`: a file that says its KEYS and ARGV in its header. */
export interface Script {
  /** File name without `.lua`. */
  readonly name: string;
  readonly source: string;
  /** SHA-1 of the source in hex, for EVALSHA. */
  readonly sha: string;
  readonly keys: number;
}

/** The files of `lua/`, by what the code calls them. */
const files = {
  publish: 'publish',
  publishOnce: 'publish-once',
  readHistory: 'read-history',
  presenceEnter: 'presence-enter',
  presenceLeave: 'presence-leave',
  presenceMembers: 'presence-members',
  presenceStats: 'presence-stats',
  presenceRefresh: 'presence-refresh',
  probe: 'probe',
} as const;

export type Scripts = Readonly<Record<keyof typeof files, Script>>;

const folder = new URL('./lua/', import.meta.url);

/**
 * Reads all scripts; some dozen KB, once at start.
 * @throws Error where the header and the KEYS that a script uses do not agree
 */
export function loadScripts(): Scripts {
  const load = (name: string): Script => makeScript(name, readLua(name), readLua);
  return {
    publish: load(files.publish),
    publishOnce: load(files.publishOnce),
    readHistory: load(files.readHistory),
    presenceEnter: load(files.presenceEnter),
    presenceLeave: load(files.presenceLeave),
    presenceMembers: load(files.presenceMembers),
    presenceStats: load(files.presenceStats),
    presenceRefresh: load(files.presenceRefresh),
    probe: load(files.probe),
  };
}

/**
 * Makes a script of a file's text. A line `-- include name` is replaced by that file, since Redis' Lua has no modules.
 * @param read gives the text of the file `name.lua`
 */
export function makeScript(name: string, text: string, read: (name: string) => string): Script {
  const keys = keysNamed(name, text);
  const source = text.replaceAll(/^-- include (\S+)$/gm, (_, included: string) => read(`include/${included}`).trim());
  for (const [, number] of source.matchAll(/\bKEYS\[(\d+)\]/g)) {
    if (Number(number) > keys) throw new Error(`${name}.lua uses KEYS[${number}], which its header does not name`);
  }
  return { name, source, sha: createHash('sha1').update(source).digest('hex'), keys };
}

/** How many `-- KEYS[n] meaning` there are in the header, which is the comment that the file begins with. */
function keysNamed(name: string, text: string): number {
  const [, ...lines] = text.split('\n');
  if (!text.startsWith('#!lua')) throw new Error(`${name}.lua does not begin with #!lua`);
  const end = lines.findIndex((line) => !line.startsWith('--'));
  const named = lines.slice(0, end).flatMap((line) => /^-- KEYS\[(\d+)\] \S/.exec(line)?.[1] ?? []);
  for (const [index, number] of named.entries()) {
    if (Number(number) !== index + 1)
      throw new Error(`${name}.lua names KEYS[${number}] where KEYS[${index + 1}] is due`);
  }
  return named.length;
}

function readLua(name: string): string {
  return readFileSync(new URL(`${name}.lua`, folder), 'utf8');
}
