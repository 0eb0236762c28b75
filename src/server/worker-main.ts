import cluster from 'node:cluster';
import { Socket } from 'node:net';
import { IpcBroker } from '../broker/ipc/ipc-broker.ts';
import { brokerDescriptor } from './broker-descriptor.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';
import { Worker } from './worker.ts';

// Entry of a worker process. It reads neither arguments nor files: its primary sends it the configuration.

/** How long a worker whose primary vanished takes leave of its clients, in milliseconds. */
const orphanStopMs = 3_000;

let lastSent: Promise<void> = Promise.resolve();

function send(message: FromWorker): void {
  if (process.send === undefined || !process.connected) return;
  lastSent = new Promise((resolve) => process.send?.(message, () => resolve()));
}

async function exit(code: number): Promise<void> {
  const cap = setTimeout(() => process.exit(code), 1_000);
  await lastSent;
  clearTimeout(cap);
  process.exit(code);
}

const worker = new Worker({
  send,
  makeBroker: () => new IpcBroker(new Socket({ fd: brokerDescriptor })),
  exit: (code) => void exit(code),
});

process.on('message', (received) => {
  const message = received as ToWorker;
  if (message.type === 'start') process.title = `carillon worker ${message.worker}`;
  worker.receive(message);
});
send({ type: 'hears' });

cluster.worker?.on('disconnect', () => {
  // The primary is gone and with it the broker. node:cluster would exit here and now, without a word to the clients.
  if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
  setTimeout(() => process.exit(1), orphanStopMs);
  void worker.stop(1);
});

// A terminal's Ctrl-C and a service manager's SIGTERM reach all processes; when to stop says the primary.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

process.on('uncaughtException', (error) => {
  worker.crashed(error);
});
