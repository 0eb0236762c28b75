import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const dpkgQuery = '/usr/bin/dpkg-query';

/** Thrown where a system cannot take part on this machine; the message says what to do about it. */
export class Unavailable extends Error {}

/** Installs these packages on Debian and Ubuntu, as root, if the file is missing; elsewhere it says what to install. */
export function requireDebianPackage(file, packages) {
  if (existsSync(file)) return;
  const command = `apt-get install ${packages.join(' ')}`;
  if (process.getuid() !== 0 || !existsSync('/usr/bin/apt-get'))
    throw new Unavailable(`${file} is missing; on Debian, as root: ${command}`);
  console.log(`installing ${packages.join(', ')}`);
  // Installing starts no service: it would only take ports and time. (invoke-rc.d(8))
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const options = { stdio: ['ignore', 'ignore', 'inherit'], env };
  try {
    execFileSync('apt-get', ['update', '-qq'], options);
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], options);
  } catch (error) {
    throw new Unavailable(`${command} failed: ${error.message}`);
  }
}

/** @returns such as `1.22.1-9`, or undefined where there is no such package */
export function debianVersion(name) {
  try {
    return execFileSync(dpkgQuery, ['-W', '-f', '${Version}', name], { encoding: 'utf8', stdio: 'pipe' });
  } catch {
    return undefined;
  }
}
