// What a handshake above `accept.rate` costs, beside one that is accepted: the server's CPU (its main thread, user and
// system) per connection that is opened and closed again, in interleaved rounds.
//
//   npm run build && node bench/refused.mjs [connections=2000] [rounds=7]
import { fork, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { temporaryFolder } from './systems/temporary-folder.mjs';

const request =
  'GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUser-Agent: bench\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

if (process.argv[2] === 'clients') await openAll(Number(process.argv[3]), Number(process.argv[4]));
else await measureAll(Number(process.argv[2] ?? 2000), Number(process.argv[3] ?? 7));

/** In a process of its own: opens all at once, says when each has its answer, and ends, which closes what is open. */
async function openAll(port, connections) {
  const opened = Array.from({ length: connections }, async () => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    return await new Promise((resolve, reject) => {
      socket.once('data', (answer) => resolve(answer.toString('latin1', 9, 12)));
      socket.once('error', reject);
    });
  });
  const statuses = await Promise.all(opened);
  process.send(statuses.filter((status) => status === '503').length);
  setTimeout(() => process.exit(), 200);
}

async function measureAll(connections, rounds) {
  const cases = [
    { name: 'accepted', accept: { rate: 0 } },
    { name: 'refused', accept: { rate: 20, burst: 1 } },
  ];
  for (const each of cases) Object.assign(each, await start(each.accept), { figures: [], refused: 0 });
  try {
    for (let round = -2; round < rounds; round++) {
      for (const each of cases) {
        const before = await cpuMicroseconds(each.child.pid);
        const clients = fork(fileURLToPath(import.meta.url), ['clients', String(each.port), String(connections)]);
        clients.once('message', (refused) => (each.refused = refused));
        await new Promise((resolve) => clients.once('exit', resolve));
        await pause(300);
        const perConnection = ((await cpuMicroseconds(each.child.pid)) - before) / connections;
        // The first two warm up.
        if (round >= 0) each.figures.push(Math.round(perConnection));
      }
    }
    for (const { name, figures, refused } of cases) {
      const sorted = figures.toSorted((a, b) => a - b);
      console.log(
        `${name.padEnd(9)} ${sorted[0]} / ${sorted[sorted.length >> 1]} / ${sorted.at(-1)} µs (min / median / max), ${refused} of ${connections} refused in the last round`,
      );
    }
  } finally {
    for (const { stop } of cases) await stop?.();
  }
}

async function start(accept) {
  const folder = await temporaryFolder();
  const config = {
    port: 0,
    operations: { port: 0 },
    workers: 0,
    accept,
    log: { directory: folder.path },
    apps: { echo: { urls: ['/echo'] } },
  };
  const file = await temporaryFolder({ 'carillon.json': JSON.stringify(config) });
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'serve', '--config', file.file('carillon.json')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const port = await new Promise((resolve, reject) => {
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      printed += text;
      const [, found] = / {2}address +https?:\/\/\S+:(\d+)[^]*Ctrl-C stops it/.exec(printed) ?? [];
      if (found !== undefined) resolve(Number(found));
    });
    void exited.then(() => reject(new Error(`the server ended\n${printed}`)));
  });
  const stop = async () => {
    child.kill('SIGINT');
    await exited;
    await folder.remove();
    await file.remove();
  };
  return { child, port, stop };
}

async function cpuMicroseconds(pid) {
  return Number((await readFile(`/proc/${pid}/schedstat`, 'utf8')).split(' ', 1)[0]) / 1000;
}
