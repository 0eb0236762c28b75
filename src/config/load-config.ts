import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { withAbsolutePaths } from './absolute-paths.ts';
import { checkAccept } from './check-accept.ts';
import { checkLimits } from './check-limits.ts';
import { checkLogView } from './check-log-view.ts';
import { checkPorts } from './check-ports.ts';
import { checkRedis } from './check-redis.ts';
import { checkSecrets } from './check-secrets.ts';
import { checkSubscriptions } from './check-subscriptions.ts';
import { checkTls } from './check-tls.ts';
import { checkUrls } from './check-urls.ts';
import type { Config } from './config.ts';
import { demoConfig } from './demo.ts';
import { configVariable, readEnvironment } from './environment.ts';
import { explainIssue, type Explanation } from './explain-issue.ts';
import { findConfigFile } from './find-config-file.ts';
import { readFlags, type GivenFlags } from './flags.ts';
import { jsonSchema } from './json-schema.ts';
import { isRecord, withValueAt, type ConfigPath } from './path.ts';
import { ConfigError, type Origin, type Problem } from './problem.ts';
import { Provenance } from './provenance.ts';
import { configSchema } from './schema.ts';
import { settings as allSettings } from './settings.ts';

export interface ConfigSources {
  /** Flags as given, by name without `--`; `config` names the file, the others are those of `settingFlags`. */
  readonly flags?: GivenFlags;
  /** Only `CARILLON_*` is looked at. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where the file is looked for, and what paths outside of a file are relative to. */
  readonly cwd: string;
}

export interface LoadedConfig {
  /** Defaults filled in, paths absolute, frozen throughout. */
  readonly config: Config;
  /** Where the value at a path came from. */
  readonly originOf: (path: ConfigPath) => Origin;
  /** Absolute path of the file; undefined where the demo configuration runs. */
  readonly file: string | undefined;
}

/**
 * Makes the effective configuration: file < variables < flags, and the demo configuration in place of the file where
 * there is none.
 * @throws ConfigError with every problem found
 */
export function loadConfig({ flags = {}, env = {}, cwd }: ConfigSources): LoadedConfig {
  const schema = jsonSchema();
  const settings = allSettings(schema);
  const found = findConfigFile({ flag: flags['config'], variable: env[configVariable], cwd });
  const environment = readEnvironment(env, settings);
  const overrides = [...environment.overrides, ...readFlags(flags, settings)];
  const problems: Problem[] = [...found.problems, ...environment.problems];

  const { file, path: filePath } = found;
  const isDemo = filePath === undefined && found.problems.length === 0;
  const base = isDemo ? demoConfig : withoutSchemaKey(file?.value ?? {});
  const value = overrides.reduce<unknown>((before, { path, value: set }) => withValueAt(before, path, set), base);
  const provenance = new Provenance({ file, overrides, demo: isDemo ? demoConfig : undefined });
  const folderOf = (path: ConfigPath): string =>
    filePath !== undefined && provenance.originOf(path).kind === 'file' ? dirname(filePath) : cwd;

  const originOf = (path: ConfigPath, at?: 'key' | 'value'): Origin => provenance.nearestTo(path, at);
  const about: Explanation = { value, schema, settings, originOf };
  const parsed = configSchema.safeParse(value);
  const issues = parsed.error?.issues ?? [];
  if (file === undefined && !isDemo) {
    // What the file would have said is unknown, so only what stands by itself can be judged.
    const own = issues.filter(({ path }) => overrides.some((override) => isDeepStrictEqual(override.path, path)));
    throw new ConfigError([...problems, ...own.flatMap((issue) => explainIssue(issue, about))]);
  }
  problems.push(...issues.flatMap((issue) => explainIssue(issue, about)));
  problems.push(...checkUrls(about), ...checkPorts(about), ...checkLimits(about), ...checkAccept(about));
  problems.push(
    ...checkLogView(about),
    ...checkRedis(about),
    ...checkSubscriptions(about),
    ...checkTls(about, folderOf),
    ...checkSecrets(about, folderOf),
  );
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return {
    config: deepFreeze(withAbsolutePaths(parsed.data, folderOf)),
    originOf: (path) => provenance.originOf(path),
    file: filePath,
  };
}

/** JSON has no comments, so editors find a JSON file's schema in a `$schema` key. */
function withoutSchemaKey(value: unknown): unknown {
  if (!isRecord(value) || typeof value['$schema'] !== 'string') return value;
  const { $schema: _, ...rest } = value;
  return rest;
}
