import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { UsageError, type CliIo } from './cli-io.ts';
import { loadFor, withConfigFlags } from './config-flags.ts';

export function addServeCommand(program: Command, io: CliIo): void {
  const command = program.command('serve').description('run the gateway; without a configuration file its demo');
  withConfigFlags(command).action(async () => {
    // Loaded here so that the other commands answer without the server's modules, and before the configuration is read:
    // whoever changes that afterwards and sends a SIGHUP is heard.
    const { serve } = await import('../server/serve.ts');
    const { config, file } = loadFor(command, io);
    await serve(config, { demo: file === undefined, file, load: () => loadAgain(command, io, file) });
  });
}

/** From the same sources. @throws UsageError where a file has come or gone, as another one would be read then, or the demo run */
function loadAgain(command: Command, io: CliIo, file: string | undefined): Config {
  const again = loadFor(command, io);
  if (again.file === file) return again.config;
  throw new UsageError(
    again.file === undefined
      ? `${file} is not there any more`
      : `${again.file} was not read at the start, which needs a restart`,
  );
}
