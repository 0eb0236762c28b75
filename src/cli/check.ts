import { relative } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { UsageError, type CliIo } from './cli-io.ts';
import { loadFor, withConfigFlags } from './config-flags.ts';

export function addCheckCommand(program: Command, io: CliIo): void {
  const command = program
    .command('check')
    .description('validate the configuration and start nothing')
    .argument('[file]', 'configuration file, as --config');
  withConfigFlags(command).action((argument: string | undefined) => {
    const { config: flag } = command.opts<{ config?: string }>();
    if (argument !== undefined && flag !== undefined) throw new UsageError('check takes a file or --config, not both');
    const { config, file } = loadFor(command, io, argument === undefined ? {} : { config: argument });
    const name = file === undefined ? 'the demo configuration' : relative(io.cwd, file);
    io.stdout.write(`ok: ${name}: ${summary(config)}\n`);
  });
}

function summary({ host, port, operations, workers, tls, apps }: Config): string {
  const running = Object.entries(apps as Readonly<Record<string, { urls: readonly string[] }>>)
    .filter(([, { urls }]) => urls.length > 0)
    .map(([name, { urls }]) => `${name} at ${urls.join(' and ')}`);
  return [
    running.length === 0 ? 'no app has urls' : running.join(', '),
    `${tls ? 'https' : 'http'} on ${address(host, port)}`,
    `operations on ${address(operations.host, operations.port)}`,
    workers === 0 ? 'one process' : `${workers} worker${workers === 1 ? '' : 's'}`,
  ].join('; ');
}

function address(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
