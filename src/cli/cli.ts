import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config/problem.ts';
import { packageVersion } from '../lib/package-version.ts';
import { addCheckCommand } from './check.ts';
import { UsageError, type CliIo } from './cli-io.ts';
import { addHashPasswordCommand } from './hash-password.ts';
import { addPrintConfigCommand } from './print-config.ts';
import { addServeCommand } from './serve.ts';
import { addTokenCommand } from './token.ts';

/** 0: done, or for `serve` started; 1: it failed; 2: the command line or the configuration is wrong, nothing was done. */
export type ExitCode = 0 | 1 | 2;

const failed: ExitCode = 1;
const refused: ExitCode = 2;

/** @param args the command line after the program's name, with a command */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  const program = new Command('carillon')
    .description('A horizontally scalable WebSocket pub/sub gateway.')
    .version(packageVersion(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'carillon: ')),
    });
  for (const add of [
    addServeCommand,
    addCheckCommand,
    addPrintConfigCommand,
    addTokenCommand,
    addHashPasswordCommand,
  ]) {
    add(program, io);
  }
  program.addHelpText('after', '\nWithout a command: serve.');
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : refused;
    if (error instanceof ConfigError) return report(error, io);
    if (error instanceof UsageError) {
      io.stderr.write(`carillon: ${error.message}\n`);
      return refused;
    }
    io.stderr.write(`carillon: ${error instanceof Error ? error.message : String(error)}\n`);
    return failed;
  }
}

function report({ problems, message }: ConfigError, io: CliIo): ExitCode {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  io.stderr.write(`carillon: the configuration has ${count}, nothing was started\n`);
  for (const line of message.split('\n')) io.stderr.write(`  ${line}\n`);
  return refused;
}
