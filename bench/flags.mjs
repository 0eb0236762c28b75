// The command line of run.mjs. README.md explains each flag.
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const project = fileURLToPath(new URL('../', import.meta.url));

/** A mistake of whoever typed the command. */
export class UsageError extends Error {}

export function readFlags(args) {
  const { values } = parse(args);
  const number = (flag, { least = 0, isWhole = false } = {}) => {
    const value = Number(values[flag]);
    if (
      values[flag].trim() === '' ||
      !(value >= least) ||
      !Number.isFinite(value) ||
      (isWhole && !Number.isInteger(value))
    )
      throw new UsageError(
        `--${flag} "${values[flag]}": expected ${isWhole ? 'a whole number' : 'a number'} of at least ${least}`,
      );
    return value;
  };
  return {
    scenarios: list(values.scenarios ?? values.scenario),
    systems: list(values.systems),
    rounds: number('rounds', { least: 1, isWhole: true }),
    seconds: number('seconds', { least: 0.1 }),
    warmUpSeconds: number('warm-up-seconds', { least: 0.1 }),
    idleSeconds: number('idle-seconds', { least: 1 }),
    workers: number('workers', { least: 1, isWhole: true }),
    generators: number('generators', { least: 1, isWhole: true }),
    payloadBytes:
      values['payload-bytes'] === undefined ? undefined : number('payload-bytes', { least: 18, isWhole: true }),
    builds: builds(values),
    externals: pairs(values.external ?? [], 'external'),
    isProfiled: values['cpu-prof'],
    out: values.out,
    isHelp: values.help,
  };
}

function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        scenarios: { type: 'string' },
        scenario: { type: 'string' },
        systems: { type: 'string' },
        rounds: { type: 'string', default: '3' },
        seconds: { type: 'string', default: '5' },
        'warm-up-seconds': { type: 'string', default: '2' },
        // One heartbeat of Carillon (25 s), and a little.
        'idle-seconds': { type: 'string', default: '27' },
        workers: { type: 'string', default: '1' },
        generators: { type: 'string', default: '1' },
        'payload-bytes': { type: 'string' },
        build: { type: 'string' },
        builds: { type: 'string' },
        external: { type: 'string', multiple: true },
        'cpu-prof': { type: 'boolean', default: false },
        out: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error.message);
  }
}

const list = (text) =>
  text
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

function pairs(texts, flag) {
  return new Map(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at < 1 || at === text.length - 1) throw new UsageError(`--${flag} "${text}": expected name=value`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** `--build` adds another to the one of this project; `--builds` names them all. */
function builds({ build, builds }) {
  const own = resolve(project, 'dist');
  const given = builds === undefined ? new Map() : pairs(list(builds), 'builds');
  if (builds === undefined) given.set(build === undefined ? '' : 'now', own);
  if (build !== undefined) given.set('before', build);
  return new Map([...given].map(([label, path]) => [label, isAbsolute(path) ? path : resolve(path)]));
}
