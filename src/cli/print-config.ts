import { Option, type Command } from 'commander';
import { jsonSchema } from '../config/json-schema.ts';
import { renderConfig, renderFields } from '../config/render-config.ts';
import { maskSecrets } from '../config/secrets.ts';
import type { CliIo } from './cli-io.ts';
import { loadFor, withConfigFlags } from './config-flags.ts';
import { explainFor } from './explain-for.ts';

export function addPrintConfigCommand(program: Command, io: CliIo): void {
  const command = program
    .command('print-config')
    .description('print the effective configuration and where each value came from, secrets masked')
    .addOption(new Option('--json', 'print JSON, without where values came from').conflicts('schema'))
    .addOption(new Option('--schema', 'print the JSON Schema of configuration files, for editors'))
    .addOption(new Option('--subscription <name>', 'print what holds for this subscription').conflicts('schema'));
  withConfigFlags(command).action(async () => {
    const { json, schema, subscription } = command.opts<{ json?: true; schema?: true; subscription?: string }>();
    if (schema) {
      io.stdout.write(asJson(jsonSchema()));
      return;
    }
    const loaded = loadFor(command, io);
    if (subscription !== undefined) {
      const fields = await explainFor(subscription, loaded);
      io.stdout.write(
        json ? asJson(Object.fromEntries(fields.map(({ name, value }) => [name, value]))) : renderFields(fields),
      );
      return;
    }
    io.stdout.write(json ? asJson(maskSecrets(loaded.config)) : renderConfig(loaded));
  });
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
