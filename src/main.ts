#!/usr/bin/env node
import { withDefaultCommand } from './cli/default-command.ts';
import { heedSignalsWhileLoading } from './server/signals.ts';

const args = withDefaultCommand(process.argv.slice(2));
// The signals come first and the rest is loaded after them: to load it takes a while.
if (args[0] === 'serve') heedSignalsWhileLoading();
const { runCli } = await import('./cli/cli.ts');

// A reader that went away (`carillon print-config | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await runCli(args, {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
});
