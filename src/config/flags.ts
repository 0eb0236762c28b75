import { fromText, type Override } from './environment.ts';
import type { Setting } from './settings.ts';

/** A command-line flag that sets one setting. */
export interface SettingFlag {
  /** Without the leading `--`. */
  readonly name: string;
  readonly argument: string;
  readonly path: readonly string[];
  readonly description: string;
}

export const settingFlags: readonly SettingFlag[] = [
  { name: 'host', argument: '<address>', path: ['host'], description: 'address to bind to' },
  { name: 'port', argument: '<port>', path: ['port'], description: 'public port, 0 for a free one' },
  {
    name: 'operations-host',
    argument: '<address>',
    path: ['operations', 'host'],
    description: 'address of the operations port',
  },
  {
    name: 'operations-port',
    argument: '<port>',
    path: ['operations', 'port'],
    description: 'port of /metrics, /live and /ready, 0 for a free one',
  },
  {
    name: 'workers',
    argument: '<count>',
    path: ['workers'],
    description: 'worker processes, 0 for one process in all',
  },
  { name: 'node', argument: '<name>', path: ['node'], description: "this node's name" },
  {
    name: 'log-directory',
    argument: '<path>',
    path: ['log', 'directory'],
    description: 'where access.log and error.log are written, - for standard output and error',
  },
];

/** Flags as given: name without `--` → text. */
export type GivenFlags = Readonly<Record<string, string | undefined>>;

export function readFlags(given: GivenFlags, settings: readonly Setting[]): readonly Override[] {
  return settingFlags.flatMap(({ name, path }) => {
    const value = given[name];
    if (value === undefined) return [];
    const type = settings.find((setting) => setting.path.join('.') === path.join('.'))?.type ?? 'string';
    return [{ path, value: fromText(value, type), origin: { kind: 'flag', name: `--${name}` } }];
  });
}
