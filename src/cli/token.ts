import type { Command } from 'commander';
import type { AuthOptions } from '../auth/auth-options.ts';
import { mintToken } from '../auth/mint-token.ts';
import { tokenSecret } from '../auth/token-secret.ts';
import type { Config } from '../config/config.ts';
import { tokenSecretMinBytes } from '../config/schema-auth.ts';
import { UsageError, type CliIo } from './cli-io.ts';
import { loadFor, withConfigFlags } from './config-flags.ts';

interface TokenFlags {
  readonly user: string;
  readonly ttl: string;
  readonly app?: string;
  readonly secretEnv?: string;
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** Ten years; a longer life is a slip of the keyboard. */
const longestTtlSeconds = 10 * 365 * 86_400;

export function addTokenCommand(program: Command, io: CliIo): void {
  const command = program
    .command('token')
    .description('print a token for an app with "auth: {type: token}"')
    .requiredOption('--user <name>', 'who the token is for')
    .option('--ttl <duration>', 'how long it is valid, such as 90s, 15m, 1h or 7d', '1h')
    .option('--app <name>', 'the app whose secret signs it, where apps have different ones')
    .option('--secret-env <variable>', 'environment variable that holds the secret; the configuration is not read');
  withConfigFlags(command).action(async () => {
    const flags = command.opts<TokenFlags>();
    if (flags.user === '') throw new UsageError('--user is empty');
    const lifeSeconds = parseTtl(flags.ttl);
    const secret =
      flags.secretEnv === undefined
        ? secretOf(loadFor(command, io).config, flags.app)
        : secretFrom(flags.secretEnv, io.env);
    io.stdout.write(`${await mintToken(flags.user, { secret, lifeSeconds })}\n`);
  });
}

function parseTtl(text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? [];
  const seconds = Number(count) * (unitSeconds[unit || 's'] ?? NaN);
  if (seconds >= 1 && seconds <= longestTtlSeconds) return seconds;
  throw new UsageError(`--ttl is "${text}", expected a duration such as 90s, 15m, 1h or 7d, at most 3650d`);
}

function secretFrom(variable: string, env: CliIo['env']): string {
  const secret = env[variable];
  if (secret === undefined) throw new UsageError(`--secret-env: the variable ${variable} is not set`);
  if (Buffer.byteLength(secret) >= tokenSecretMinBytes) return secret;
  throw new UsageError(`--secret-env: ${variable} holds fewer than ${tokenSecretMinBytes} bytes`);
}

function secretOf(config: Config, app: string | undefined): string {
  const sections = Object.entries(config.apps as Readonly<Record<string, { auth?: AuthOptions }>>);
  const withTokens = sections.flatMap(([name, { auth }]) =>
    auth?.type === 'token' ? [{ name, secret: tokenSecret(auth) }] : [],
  );
  const chosen = app === undefined ? withTokens : withTokens.filter(({ name }) => name === app);
  const [first] = chosen;
  if (first === undefined) {
    const who = app === undefined ? 'no app' : `"${app}" is no app that`;
    throw new UsageError(`${who} has "auth: {type: token}"; use --secret-env for a secret that is elsewhere`);
  }
  if (chosen.every(({ secret }) => secret === first.secret)) return first.secret;
  throw new UsageError(
    `apps have different secrets; choose with --app ${chosen.map(({ name }) => name).join(' or --app ')}`,
  );
}
