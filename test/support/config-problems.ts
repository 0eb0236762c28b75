import { loadConfig, type ConfigSources } from '../../src/config/load-config.ts';
import { ConfigError } from '../../src/config/problem.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The lines that Carillon would print for these sources. */
export function problemsOf(sources: ConfigSources): readonly string[] {
  try {
    loadConfig(sources);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n');
  }
}

/** The lines for a file of this content, alone in the working directory. */
export async function problemsOfFile(
  content: string | Uint8Array,
  { name = 'carillon.yaml', ...more }: { name?: string } & Omit<ConfigSources, 'cwd'> = {},
): Promise<readonly string[]> {
  await using folder = await temporaryFolder({ [name]: content });
  return problemsOf({ cwd: folder.path, ...more });
}
