import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Explanation } from './explain-issue.ts';
import { isRecord, valueAt, type ConfigPath } from './path.ts';
import type { Problem } from './problem.ts';
import { readBytes, whyUnreadable } from './read-bytes.ts';
import { describeFound } from './secrets.ts';

const pemCapBytes = 1024 * 1024;

/**
 * The certificate and its key must be readable, be PEM, and belong together.
 * @param folderOf what a relative path at `path` is relative to
 */
export function checkTls(
  about: Pick<Explanation, 'value' | 'originOf'>,
  folderOf: (path: ConfigPath) => string,
): readonly Problem[] {
  if (!isRecord(valueAt(about.value, ['tls']))) return [];
  const problems: Problem[] = [];
  const report = (name: string, fault: string, expected: string): void => {
    const path = ['tls', name];
    const found = `${describeFound(about.value, path)}, which ${fault}`;
    problems.push({ origin: about.originOf(path), path, found, expected });
  };
  const read = (name: string, what: string): Buffer | undefined => {
    const path = ['tls', name];
    const file = valueAt(about.value, path);
    if (typeof file !== 'string' || file === '' || file.includes('\0')) return undefined;
    try {
      const bytes = readBytes(resolve(folderOf(path), file), pemCapBytes);
      if (bytes === undefined) report(name, `has more than ${pemCapBytes} bytes`, `a PEM file with ${what}`);
      return bytes;
    } catch (error) {
      report(name, whyUnreadable(error), `a readable PEM file with ${what}`);
      return undefined;
    }
  };
  const cert = read('cert', 'the certificate chain');
  const key = read('key', 'the private key');
  if (cert !== undefined && !isUsable({ cert }))
    report('cert', 'holds no certificate', 'a PEM file with the certificate chain');
  else if (key !== undefined && !isUsable({ key })) {
    report('key', 'holds no private key that can be read', 'a PEM file with the private key, without a passphrase');
  } else if (cert !== undefined && key !== undefined && !isUsable({ cert, key })) {
    report('key', 'belongs to another certificate', 'the private key of tls.cert');
  }
  return problems;
}

function isUsable(pair: { cert?: Buffer; key?: Buffer }): boolean {
  try {
    createSecureContext(pair);
    return true;
  } catch {
    return false;
  }
}
