import { existsSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { quote } from '../lib/quote.ts';
import { ConfigFile, parseConfigFile } from './config-file.ts';
import { configVariable } from './environment.ts';
import type { Origin, Problem } from './problem.ts';
import { readBytes, whyUnreadable } from '../lib/read-bytes.ts';

/** What is looked for in the working directory. */
const defaultFileNames: readonly string[] = ['carillon.yaml', 'carillon.yml', 'carillon.json'];

const fileCapBytes = 256 * 1024;

export interface FoundFile {
  /** Absolute path; undefined where there is no file. */
  readonly path: string | undefined;
  /** Undefined where there is no file or it could not be read. */
  readonly file: ConfigFile | undefined;
  readonly problems: readonly Problem[];
}

/** Finds and reads the configuration file: `--config`, else `CARILLON_CONFIG`, else one in the working directory. */
export function findConfigFile(sources: {
  flag: string | undefined;
  variable: string | undefined;
  cwd: string;
}): FoundFile {
  const { flag, variable, cwd } = sources;
  if (flag !== undefined) return readNamed(flag, { kind: 'flag', name: '--config' }, cwd);
  if (variable !== undefined) return readNamed(variable, { kind: 'variable', name: configVariable }, cwd);
  const present = defaultFileNames.filter((name) => existsSync(join(cwd, name)));
  const [name] = present;
  if (name === undefined) return { path: undefined, file: undefined, problems: [] };
  const found = readFile(name, { kind: 'file', file: name, line: 1, column: 1 }, cwd);
  if (present.length === 1) return found;
  const several: Problem = {
    origin: { kind: 'default' },
    path: [],
    found: `found ${present.join(' and ')}`,
    expected: 'one configuration file, or --config to choose',
  };
  return { ...found, problems: [several, ...found.problems] };
}

function readNamed(name: string, origin: Origin, cwd: string): FoundFile {
  if (name !== '' && !name.includes('\0')) return readFile(name, origin, cwd);
  const problem = { origin, path: [], found: `found ${quote(name)}`, expected: 'the path of a configuration file' };
  return { path: undefined, file: undefined, problems: [problem] };
}

function readFile(name: string, origin: Origin, cwd: string): FoundFile {
  const path = resolve(cwd, name);
  const problem = (fault: string, expected: string): FoundFile => ({
    path,
    file: undefined,
    problems: [{ origin, path: [], found: `found ${quote(name)}, which ${fault}`, expected }],
  });
  try {
    // Opening a directory succeeds on some systems and fails with different errors on others.
    if (statSync(path).isDirectory()) return problem('is a directory', 'a configuration file');
    const bytes = readBytes(path, fileCapBytes);
    if (bytes === undefined) return problem(`has more than ${fileCapBytes} bytes`, 'a configuration file');
    const file = parseConfigFile(shortName(path, cwd), bytes);
    return file instanceof ConfigFile
      ? { path, file, problems: file.problems }
      : { path, file: undefined, problems: file };
  } catch (error) {
    return problem(whyUnreadable(error), 'a readable configuration file');
  }
}

/** A file as a person in `cwd` would name it. */
function shortName(path: string, cwd: string): string {
  const name = relative(cwd, path);
  return name.startsWith('..') ? path : name;
}
