// Runs the tests without what is not public API of Node (src/gateway/direct-sockets.ts), in every process they start.
// Arguments are those of vitest.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const without = fileURLToPath(new URL('../test/support/public-api-only.cjs', import.meta.url));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const env = { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require="${without}"` };
process.exitCode =
  spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], { env, stdio: 'inherit' }).status ?? 1;
