import { MemoryBroker } from '../broker/memory/memory-broker.ts';
import type { ToWorker } from './worker-messages.ts';
import type { SpawnWorker } from './worker-seat.ts';
import { Worker } from './worker.ts';

/** `workers: 0`: the primary's only worker lives in the primary's process, behind the same messages. */
export const inProcessWorker: SpawnWorker = (_, events) => {
  const worker = new Worker({
    send: (message) => setImmediate(() => events.message(message)),
    makeBroker: () => new MemoryBroker(),
    // After the messages that were sent before.
    exit: (code) => setImmediate(() => events.exit(`exit code ${code}`)),
  });
  return {
    pid: process.pid,
    send: (message: ToWorker) => setImmediate(() => worker.receive(message)),
    kill() {
      // It ends with this process.
    },
  };
};
