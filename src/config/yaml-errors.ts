import type { ErrorCode } from 'yaml';

/**
 * The YAML package's errors in our own words: its messages quote the file, which may hold secrets.
 * Codes that are not here read as "something that is not YAML".
 */
const sentences: Partial<Readonly<Record<ErrorCode, readonly [found: string, expected: string]>>> = {
  BAD_ALIAS: ['an alias (*name) that is not one', 'a name after "*", or quotes around the text'],
  BAD_DIRECTIVE: ['a line that begins with "%"', 'no directives'],
  BAD_DQ_ESCAPE: ['an unknown escape in a text in double quotes', 'an escape such as \\n, or single quotes'],
  BAD_INDENT: [
    'a line that is not indented as its neighbours, or an unclosed bracket',
    'the same indentation for all keys of a section, and every bracket closed',
  ],
  BAD_SCALAR_START: ['a text that begins with a reserved character', 'quotes around it'],
  BLOCK_AS_IMPLICIT_KEY: [
    'a second ":" on one line',
    'one "key: value" per line, or quotes around a text that holds ": "',
  ],
  BLOCK_IN_FLOW: ['an indented block within brackets', 'brackets within brackets'],
  DUPLICATE_KEY: ['a key for the second time', 'each key once in its section'],
  MISSING_CHAR: ['something unclosed or unseparated', 'a closing quote or bracket, a comma, or a space after ":"'],
  MULTILINE_IMPLICIT_KEY: ['a line without ":"', '"key: value"'],
  MULTIPLE_DOCS: ['a second document', 'one document without "---" in between'],
  RESOURCE_EXHAUSTION: ['values nested too deeply', 'the few levels that settings have'],
  TAB_AS_INDENT: ['a tab at the start of a line', 'spaces'],
  TAG_RESOLVE_FAILED: ['an unknown tag (!name)', 'plain values'],
  UNEXPECTED_TOKEN: ['something that does not belong here', 'YAML'],
};

export function explainYamlError(code: ErrorCode): { found: string; expected: string } {
  const [found, expected] = sentences[code] ?? ['something that is not YAML', 'YAML'];
  return { found: `found ${found}`, expected };
}
