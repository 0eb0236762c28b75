import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** What tests run besides Node: program → the Debian package that brings it. */
const needed: Readonly<Record<string, string>> = {
  '/usr/bin/chromium': 'chromium',
  '/usr/bin/openssl': 'openssl',
  '/usr/bin/prometheus': 'prometheus',
  '/usr/bin/redis-server': 'redis-server',
  '/usr/sbin/haproxy': 'haproxy',
  '/usr/sbin/nginx': 'nginx',
};

/** Installs the missing programs on Debian and Ubuntu, as root; elsewhere says what to install. */
export function setup(): void {
  const missing = Object.entries(needed).filter(([program]) => !existsSync(program));
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    const programs = missing.map(([program]) => program).join(', ');
    throw new Error(
      `the tests need ${programs}: install ${packages.join(', ')} (on Debian: apt-get install ${packages.join(' ')})`,
    );
  }
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  console.log(`installing for the tests: ${packages.join(', ')}`);
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env: environment });
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: environment,
  });
}
