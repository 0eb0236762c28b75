import { relative } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import type { ExplainedField } from '../config/explain-subscription.ts';
import { quote } from '../lib/quote.ts';
import { describeBroker } from '../server/describe-broker.ts';
import { UsageError, type CliIo } from './cli-io.ts';
import { loadFor, withConfigFlags } from './config-flags.ts';
import { explainFor } from './explain-for.ts';

export function addCheckCommand(program: Command, io: CliIo): void {
  const command = program
    .command('check')
    .description('validate the configuration and start nothing')
    .argument('[file]', 'configuration file, as --config')
    .option('--subscription <name>', 'tell what holds for this subscription, and which rule says so');
  withConfigFlags(command).action(async (argument: string | undefined) => {
    const { config: flag, subscription } = command.opts<{ config?: string; subscription?: string }>();
    if (argument !== undefined && flag !== undefined) throw new UsageError('check takes a file or --config, not both');
    const loaded = loadFor(command, io, argument === undefined ? {} : { config: argument });
    const { config, file } = loaded;
    const name = file === undefined ? 'the demo configuration' : relative(io.cwd, file);
    const fields = subscription === undefined ? [] : await explainFor(subscription, loaded);
    io.stdout.write(`ok: ${name}: ${summary(config)}\n`);
    if (subscription !== undefined) io.stdout.write(`${quote(subscription, Infinity)}:\n`);
    for (const { name: field, value, source } of fields) io.stdout.write(`  ${field}: ${inWords(value)} (${source})\n`);
  });
}

function summary({ host, port, operations, workers, tls, redis, apps }: Config): string {
  const running = Object.entries(apps as Readonly<Record<string, { urls: readonly string[] }>>)
    .filter(([, { urls }]) => urls.length > 0)
    .map(([name, { urls }]) => `${name} at ${urls.join(' and ')}`);
  return [
    running.length === 0 ? 'no app has urls' : running.join(', '),
    `${tls ? 'https' : 'http'} on ${address(host, port)}`,
    `operations on ${address(operations.host, operations.port)}`,
    workers === 0 ? 'one process' : `${workers} worker${workers === 1 ? '' : 's'}`,
    ...(redis === undefined ? [] : [describeBroker(redis, workers)]),
  ].join('; ');
}

function address(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function inWords(value: ExplainedField['value']): string {
  return typeof value === 'object' ? `size ${value.size}, ttl ${value.ttl}` : String(value);
}
