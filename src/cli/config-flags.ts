import { Option, type Command } from 'commander';
import { settingFlags, type GivenFlags } from '../config/flags.ts';
import { loadConfig, type LoadedConfig } from '../config/load-config.ts';
import type { CliIo } from './cli-io.ts';

const configFlag = { name: 'config', argument: '<file>', description: 'configuration file, else carillon.yaml here' };
const allFlags = [configFlag, ...settingFlags];

/** Gives a command `--config` and every flag that sets a setting. */
export function withConfigFlags(command: Command): Command {
  for (const { name, argument, description } of allFlags) command.option(`--${name} ${argument}`, description);
  return command;
}

/** The effective configuration of a command that has these flags. */
export function loadFor(command: Command, io: CliIo, given: GivenFlags = {}): LoadedConfig {
  const values: Record<string, unknown> = command.opts();
  const flags = allFlags.map(({ name }) => {
    const value = values[new Option(`--${name}`).attributeName()];
    return [name, typeof value === 'string' ? value : undefined];
  });
  return loadConfig({ flags: { ...Object.fromEntries(flags), ...given }, env: io.env, cwd: io.cwd });
}
