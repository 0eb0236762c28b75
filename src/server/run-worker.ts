import cluster from 'node:cluster';
import { Socket } from 'node:net';
import { IpcBroker } from '../broker/ipc/ipc-broker.ts';
import { brokerDescriptor } from './broker-descriptor.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';
import { Worker } from './worker.ts';

/** How long a worker whose primary vanished takes leave of its clients, in milliseconds. */
const orphanStopMs = 3_000;

/**
 * Runs the one worker of this process, between its primary and the system.
 * @returns what makes it reopen its logs
 */
export function runWorker(): () => void {
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
    makeBroker: (onLost) => new IpcBroker(new Socket({ fd: brokerDescriptor }), { onLost }),
    exit: (code) => void exit(code),
  });

  process.on('message', (received) => {
    const message = received as ToWorker;
    if (message.type === 'start') process.title = `carillon worker ${message.worker}`;
    worker.receive(message);
  });
  send({ type: 'hears' });

  // A word that no longer reached the primary, such as that this worker stopped listening: `disconnect` tells the rest.
  cluster.worker?.on('error', () => {});
  cluster.worker?.on('disconnect', () => {
    // The primary is gone and with it the broker. node:cluster would exit here and now, without a word to the clients.
    if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
    setTimeout(() => process.exit(1), orphanStopMs);
    void worker.stop(1);
  });

  process.on('uncaughtException', (error) => {
    worker.crashed(error);
  });
  return () => worker.reopenLogs();
}
