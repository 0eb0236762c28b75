// The server side of accept.mjs: node:cluster with workers that answer the WebSocket handshake with `ws` and nothing
// else. Arguments: policy (round-robin, shared, balanced) and number of workers.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { Acceptor } from '../dist/server/acceptor.js';
import { admissionChanges } from '../dist/server/admission.js';

const [policy, workers] = [process.argv[2], Number(process.argv[3])];
const host = '127.0.0.1';

if (cluster.isPrimary) primary();
else worker();

function primary() {
  cluster.schedulingPolicy = policy === 'round-robin' ? cluster.SCHED_RR : cluster.SCHED_NONE;
  const loads = new Map();
  let answers = [];
  let port = 0;
  for (let i = 0; i < workers; i++) {
    const child = cluster.fork();
    child.on('message', (message) => {
      const load = loads.get(child.id) ?? { worker: child.id, connections: 0, isListening: false, isChanging: false };
      loads.set(child.id, load);
      if (message.type === 'load') load.connections = message.connections;
      if (message.type === 'listening' || message.type === 'paused') {
        load.isListening = message.type === 'listening';
        load.isChanging = false;
        if (message.port !== undefined && port === 0 && loads.size === workers)
          process.send({ port: (port = message.port) });
      }
      if (message.type === 'stats') {
        answers.push(message);
        if (answers.length === workers) {
          const { user, system } = process.cpuUsage();
          process.send({
            cpuUs: answers.reduce((sum, { cpuUs }) => sum + cpuUs, user + system),
            counts: answers.map(({ connections }) => connections),
          });
          answers = [];
        }
      }
      if (policy === 'balanced' && loads.size === workers) balance();
    });
  }
  const balance = () => {
    const { pause, resume } = admissionChanges(
      [...loads.values()].map((load) => ({ ...load, isListening: load.isListening && !load.isChanging })),
    );
    for (const [order, ids] of [
      ['pause', pause],
      ['resume', resume],
    ]) {
      for (const id of ids) {
        const load = loads.get(id);
        if (load.isChanging) continue;
        load.isChanging = true;
        cluster.workers[id].send(order);
      }
    }
  };
  process.on('message', () => {
    for (const child of Object.values(cluster.workers)) child.send('stats');
  });
  process.on('disconnect', () => process.exit());
}

function worker() {
  // The primary may be gone already: the measurement is over.
  cluster.worker.on('error', () => {});
  let connections = 0;
  const webSockets = new WebSocketServer({ noServer: true });
  const server = createServer();
  const acceptor = new Acceptor(
    { host, port: 0 },
    { accepted: (socket) => server.emit('connection', socket), failed() {} },
  );
  server.on('upgrade', (request, socket, head) => {
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      connections++;
      webSocket.on('close', () => {
        connections--;
        tell();
      });
      tell();
    });
  });
  let timer;
  const tell = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      // The primary may be gone already: the measurement is over.
      process.send({ type: 'load', connections }, () => {});
    }, 20);
  };
  const listen = async () => process.send({ type: 'listening', port: await acceptor.listen(0) });
  process.on('message', (order) => {
    if (order === 'stats') {
      const { user, system } = process.cpuUsage();
      process.send({ type: 'stats', connections, cpuUs: user + system });
    } else if (order === 'pause') {
      acceptor.pause();
      process.send({ type: 'paused' });
    } else {
      void listen();
    }
  });
  void listen();
}
