import type { Command } from 'commander';
import type { CliIo } from './cli-io.ts';
import { loadFor, withConfigFlags } from './config-flags.ts';

export function addServeCommand(program: Command, io: CliIo): void {
  const command = program.command('serve').description('run the gateway; without a configuration file its demo');
  withConfigFlags(command).action(async () => {
    const { config, file } = loadFor(command, io);
    // Loaded here so that the other commands answer without the server's modules.
    const { serve } = await import('../server/serve.ts');
    await serve(config, { demo: file === undefined, file });
  });
}
