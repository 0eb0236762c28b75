import { execFileSync } from 'node:child_process';

/** Builds the product once for all tests; those that start real processes run `dist/`. */
export function setup(): void {
  const isBuilt = process.env['CARILLON_TEST_BUILT'] === '1';
  // A Carillon that a test starts would take it for a misspelt setting.
  delete process.env['CARILLON_TEST_BUILT'];
  if (isBuilt) return;
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
