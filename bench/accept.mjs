// How connections had better reach the workers: node:cluster's round-robin (the primary accepts and hands on), a socket
// shared by all workers, and the shared socket with Carillon's balancing. Prints the server's CPU per accepted
// WebSocket connection (user and system, all its processes) and how the connections were spread.
//
//   npm run build && node bench/accept.mjs [connections=1000] [rounds=3]
import { fork } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const connections = Number(process.argv[2] ?? 1000);
const rounds = Number(process.argv[3] ?? 3);
const policies = ['round-robin', 'shared', 'balanced'];
const loads = {
  // One after the other, each when the last one has its answer and a pause has passed.
  async trickle(open) {
    for (let i = 0; i < connections; i++) {
      await open();
      await pause(1);
    }
  },
  // 100 at a time.
  async bursts(open) {
    for (let i = 0; i < connections; i += 100) await Promise.all(Array.from({ length: 100 }, open));
  },
};

const results = new Map();
for (let round = 0; round < rounds; round++) {
  for (const workers of [2, 4]) {
    for (const [load, run] of Object.entries(loads)) {
      for (const policy of policies) {
        const name = `${workers} workers  ${load.padEnd(7)}  ${policy.padEnd(11)}`;
        const result = await measure(policy, workers, run);
        results.set(name, [...(results.get(name) ?? []), result]);
      }
    }
  }
}

console.log(
  `${connections} connections, ${rounds} interleaved rounds; CPU per connection: min / median / max; spread: connections per worker`,
);
for (const [name, rows] of results) {
  const cpu = rows.map(({ cpuUs }) => Math.round(cpuUs)).sort((a, b) => a - b);
  const spread = rows.map(({ counts }) => counts.join(' ')).join('  |  ');
  console.log(`${name}  ${cpu[0]} / ${cpu[cpu.length >> 1]} / ${cpu.at(-1)} µs  ${spread}`);
}

async function measure(policy, workers, run) {
  const server = fork(new URL('accept-server.mjs', import.meta.url), [policy, String(workers)]);
  const answer = () => new Promise((resolve) => server.once('message', resolve));
  const { port } = await answer();
  const sockets = [];
  const open = async () => sockets.push(await openWebSocket(port));
  // Warm-up, then everything is closed again and the server has calmed down.
  for (let i = 0; i < 5; i++) await Promise.all(Array.from({ length: 100 }, open));
  for (const socket of sockets.splice(0)) socket.destroy();
  await pause(500);
  const stats = () => {
    server.send('stats');
    return answer();
  };
  const before = await stats();
  await run(open);
  const after = await stats();
  for (const socket of sockets) socket.destroy();
  server.disconnect();
  await new Promise((resolve) => server.once('exit', resolve));
  return { cpuUs: (after.cpuUs - before.cpuUs) / connections, counts: after.counts };
}

function openWebSocket(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
    });
    socket.once('data', () => resolve(socket));
    socket.once('error', reject);
  });
}
