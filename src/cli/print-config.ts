import { Option, type Command } from 'commander';
import { jsonSchema } from '../config/json-schema.ts';
import { maskSecrets } from '../config/secrets.ts';
import type { CliIo } from './cli-io.ts';
import { loadFor, withConfigFlags } from './config-flags.ts';
import { renderConfig } from '../config/render-config.ts';

export function addPrintConfigCommand(program: Command, io: CliIo): void {
  const command = program
    .command('print-config')
    .description('print the effective configuration and where each value came from, secrets masked')
    .addOption(new Option('--json', 'print JSON, without where values came from').conflicts('schema'))
    .addOption(new Option('--schema', 'print the JSON Schema of configuration files, for editors'));
  withConfigFlags(command).action(() => {
    const { json, schema } = command.opts<{ json?: true; schema?: true }>();
    if (schema) {
      io.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
      return;
    }
    const loaded = loadFor(command, io);
    io.stdout.write(json ? `${JSON.stringify(maskSecrets(loaded.config), null, 2)}\n` : renderConfig(loaded));
  });
}
