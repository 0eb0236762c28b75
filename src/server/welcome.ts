import { resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { describeBroker } from './describe-broker.ts';
import type { ListenOptions } from './server-options.ts';

/** What the command line knows of the configuration. */
export interface ServeFacts {
  /** No file was given or found: the demo runs. */
  readonly demo: boolean;
  readonly file: string | undefined;
  /** Makes the configuration again, from the same file, variables and flags. @throws ConfigError */
  readonly load: () => Config;
}

export interface BoundPorts {
  readonly port: number;
  readonly operationsPort: number;
}

/** What a newcomer reads when everything runs: what it is and what to click. */
export function welcome(
  config: Config,
  { demo, file }: Omit<ServeFacts, 'load'>,
  { port, operationsPort }: BoundPorts,
): string {
  const secure = config.tls === undefined ? '' : 's';
  const pageBase = `http${secure}://${authority(config.host, port)}`;
  const socketBase = `ws${secure}://${authority(config.host, port)}`;
  const operations = `http://${authority(config.operations.host, operationsPort)}`;
  const { apps } = config;
  const rows: (readonly [string, string])[] = [
    ['address', pageBase],
    ...(apps.chat?.urls ?? []).map((url) => ['chat', pageBase + url] as const),
    ...(apps['log-view']?.urls ?? []).map((url) => ['log view', pageBase + url] as const),
    ...(apps.echo?.urls ?? []).map((url) => ['echo', `${socketBase}${url}/connect`] as const),
    ['metrics', `${operations}/metrics`],
    ['readiness', `${operations}/ready`],
    ['broker', describeBroker(config.redis, config.workers)],
    ['workers', config.workers === 0 ? 'none, all in this process' : String(config.workers)],
    [
      'logs',
      config.log.directory === '-' ? 'standard output (access) and standard error' : resolve(config.log.directory),
    ],
  ];
  const what = demo
    ? 'the demo configuration (no carillon.yaml was found)'
    : (file ?? 'a configuration without a file');
  return [
    '',
    `Carillon is running: ${what}`,
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(10)} ${value}`),
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}

/** A host to click on: one that listens on every address is reached as localhost too. */
export function authority(host: ListenOptions['host'], port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${name}:${port}`;
}
