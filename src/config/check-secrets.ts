import { resolve } from 'node:path';
import { readSecretFile, SecretFileError } from '../lib/secret-file.ts';
import type { Explanation } from './explain-issue.ts';
import { formatPath, isRecord, valueAt, type ConfigPath } from './path.ts';
import type { Problem } from './problem.ts';
import { tokenSecretMinBytes } from './schema-auth.ts';
import { describeFound } from './secrets.ts';

type About = Pick<Explanation, 'value' | 'originOf'>;

/** A secret that may be written down, or be in a file. */
interface Place {
  readonly section: ConfigPath;
  readonly key: string;
  readonly fileKey: string;
  /** What the file should hold. */
  readonly what: string;
  readonly leastBytes: number;
}

/**
 * Secrets are written down or in a file, not both; a file must be readable and hold one line. Of what is in it nothing
 * is said.
 * @param folderOf what a relative path at `path` is relative to
 */
export function checkSecrets(about: About, folderOf: (path: ConfigPath) => string): readonly Problem[] {
  return placesIn(about.value).flatMap((place) => checkPlace(place, about, folderOf));
}

function placesIn(value: unknown): readonly Place[] {
  const password = { key: 'password', fileKey: 'passwordFile', what: 'the password', leastBytes: 1 };
  const what = `a secret of at least ${tokenSecretMinBytes} bytes`;
  const token = { key: 'secret', fileKey: 'secretFile', what, leastBytes: tokenSecretMinBytes };
  const apps = valueAt(value, ['apps']);
  const ofApps = isRecord(apps) ? Object.keys(apps).map((app) => ['apps', app, 'auth']) : [];
  return [
    { ...password, section: ['redis'] },
    { ...password, section: ['redis', 'sentinels'] },
    ...ofApps
      .filter((section) => valueAt(value, [...section, 'type']) === 'token')
      .map((section) => ({ ...token, section })),
  ];
}

function checkPlace(
  { section, key, fileKey, what, leastBytes }: Place,
  about: About,
  folderOf: (path: ConfigPath) => string,
): readonly Problem[] {
  const written = [...section, key];
  const path = [...section, fileKey];
  const isWritten = valueAt(about.value, written) !== undefined;
  const file = valueAt(about.value, path);
  const problem = (at: ConfigPath, found: string, expected: string): Problem => ({
    origin: about.originOf(at),
    path: at,
    found: `${describeFound(about.value, at)}${found}`,
    expected,
  });
  if (file === undefined) {
    return isWritten || key !== 'secret' ? [] : [problem(written, '', `${what}, or ${formatPath(path)} with it`)];
  }
  if (isWritten) return [problem(path, ` besides ${formatPath(written)}`, 'one of the two')];
  // What is no path at all is told by the schema.
  if (typeof file !== 'string' || file === '' || file.includes('\0')) return [];
  try {
    const bytes = Buffer.byteLength(readSecretFile(resolve(folderOf(path), file)));
    if (bytes >= leastBytes) return [];
    return [problem(path, `, which holds ${bytes} bytes`, `a file with ${what}`)];
  } catch (error) {
    if (!(error instanceof SecretFileError)) throw error;
    return [problem(path, `, which ${error.fault}`, `a readable file with ${what} in one line`)];
  }
}
