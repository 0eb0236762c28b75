// The peers from npm live in ../peers, which is no part of Carillon: nothing of it is a dependency.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Unavailable } from './debian-package.mjs';

const folder = new URL('../peers/', import.meta.url);
export const requirePeer = createRequire(folder);

const manifestOf = (name) => new URL(`node_modules/${name}/package.json`, folder);

export function requireNpmPeers(names) {
  if (names.every((name) => existsSync(manifestOf(name)))) return;
  console.log(`installing ${names.join(', ')} into bench/peers`);
  try {
    execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  } catch (error) {
    throw new Unavailable(`npm install in bench/peers failed: ${error.message}`);
  }
}

export function peerVersion(name) {
  return JSON.parse(readFileSync(manifestOf(name), 'utf8')).version;
}
