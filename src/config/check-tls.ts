import { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Explanation } from './explain-issue.ts';
import { formatPath, isRecord, valueAt, type ConfigPath } from './path.ts';
import type { Problem } from './problem.ts';
import { readRegularFile, whyUnreadable } from '../lib/read-bytes.ts';
import { describeFound } from './secrets.ts';

const pemCapBytes = 1024 * 1024;

/** Sections with a `cert` and its `key`, and those to Redis with a `ca` besides; there all may be left out. */
const tlsSections: readonly ConfigPath[] = [['tls'], ['redis', 'tls'], ['redis', 'sentinels', 'tls']];

/**
 * A certificate and its key must be readable, be PEM, and belong together; authorities must be readable certificates.
 * @param folderOf what a relative path at `path` is relative to
 */
export function checkTls(
  about: Pick<Explanation, 'value' | 'originOf'>,
  folderOf: (path: ConfigPath) => string,
): readonly Problem[] {
  return tlsSections.flatMap((section) => checkSection(section, about, folderOf));
}

function checkSection(
  section: ConfigPath,
  about: Pick<Explanation, 'value' | 'originOf'>,
  folderOf: (path: ConfigPath) => string,
): readonly Problem[] {
  const options = valueAt(about.value, section);
  if (!isRecord(options)) return [];
  const problems: Problem[] = [];
  const report = (name: string, fault: string, expected: string): void => {
    const path = [...section, name];
    const found = `${describeFound(about.value, path)}, which ${fault}`;
    problems.push({ origin: about.originOf(path), path, found, expected });
  };
  const read = (name: string, what: string): Buffer | undefined => {
    const path = [...section, name];
    const file = valueAt(about.value, path);
    if (typeof file !== 'string' || file === '' || file.includes('\0')) return undefined;
    try {
      const bytes = readRegularFile(resolve(folderOf(path), file), pemCapBytes);
      if (bytes === undefined) report(name, `has more than ${pemCapBytes} bytes`, `a PEM file with ${what}`);
      return bytes;
    } catch (error) {
      report(name, whyUnreadable(error), `a readable PEM file with ${what}`);
      return undefined;
    }
  };
  const ca = section[0] === 'redis' ? read('ca', 'the authorities to trust') : undefined;
  if (ca !== undefined && !isCertificate(ca)) {
    report('ca', 'holds no certificate', 'a PEM file with the authorities to trust');
  }
  const cert = read('cert', 'the certificate chain');
  const key = read('key', 'the private key');
  if (cert !== undefined && !isUsable({ cert })) {
    report('cert', 'holds no certificate', 'a PEM file with the certificate chain');
  } else if (key !== undefined && !isUsable({ key })) {
    report('key', 'holds no private key that can be read', 'a PEM file with the private key, without a passphrase');
  } else if (cert !== undefined && key !== undefined && !isUsable({ cert, key })) {
    report('key', 'belongs to another certificate', `the private key of ${formatPath([...section, 'cert'])}`);
  }
  // The server's own section demands both by its schema.
  if (section[0] === 'redis' && (options['cert'] === undefined) !== (options['key'] === undefined)) {
    const [here, other] = options['key'] === undefined ? ['cert', 'key'] : ['key', 'cert'];
    report(here, `is nothing without ${formatPath([...section, other])}`, 'both or none');
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

/** A secure context takes any bytes as authorities. */
function isCertificate(bytes: Buffer): boolean {
  try {
    return new X509Certificate(bytes).subject !== undefined;
  } catch {
    return false;
  }
}
