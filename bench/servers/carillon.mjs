// The whole product as `carillon serve` runs it: a primary and one worker, chat mounted once per room, metrics and limits on.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { rooms, workers } = JSON.parse(process.argv[2]);
const directory = await mkdtemp(join(tmpdir(), 'carillon-bench-'));
const file = join(directory, 'carillon.json');
const urls = Array.from({ length: rooms }, (_, room) => `/room/${room}`);
await writeFile(
  file,
  JSON.stringify({ port: 0, operations: { port: 0 }, workers, log: { directory }, apps: { chat: { urls } } }),
);
const product = spawn(
  process.execPath,
  [new URL('../../dist/main.js', import.meta.url).pathname, 'serve', '--config', file],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
let printed = '';
product.stdout.on('data', (chunk) => {
  printed += chunk;
  const port = /127\.0\.0\.1:(\d+)\/room\/0/.exec(printed)?.[1];
  if (port !== undefined) {
    product.stdout.removeAllListeners('data').resume();
    console.log(JSON.stringify({ port: Number(port) }));
  }
});
process.on('SIGTERM', () => product.kill('SIGTERM'));
product.on('exit', async (code) => {
  await rm(directory, { recursive: true, force: true });
  process.exit(code ?? 1);
});
