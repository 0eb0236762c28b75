import cluster from 'node:cluster';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { IpcSwitch } from '../broker/ipc/ipc-switch.ts';
import { brokerDescriptor } from './broker-descriptor.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';
import type { RunningWorker, WorkerEvents } from './worker-seat.ts';

/**
 * Sets node:cluster up. Connections reach the workers without a detour through the primary: handing them on costs
 * several times the accepting (docs/process-model.md has the measurements).
 */
export function setUpCluster(): void {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    // Next to this file, as .ts in the sources and as .js where it is built.
    exec: fileURLToPath(new URL(`worker-main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)),
    args: [],
    // The last one is `brokerDescriptor`.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
    serialization: 'json',
  });
}

/** How long a dead worker's pipes may take to end, in milliseconds. */
const lastWordsMs = 1_000;

/** Forks one worker process and connects it to the embedded broker. */
export function forkWorker(ipcSwitch: IpcSwitch, events: WorkerEvents): RunningWorker {
  const worker = cluster.fork();
  const child = worker.process;
  const pipe = child.stdio[brokerDescriptor];
  if (pipe instanceof Duplex) ipcSwitch.attach(pipe);
  const post = (message: ToWorker): void => {
    // A channel that breaks reports it to the callback; the exit follows.
    if (worker.isConnected()) child.send(message, () => {});
  };
  // node:cluster drops what arrives before the worker's own code listens.
  let waiting: ToWorker[] | undefined = [];
  child.on('message', (received) => {
    const message = received as FromWorker;
    if (message.type !== 'hears') {
      events.message(message);
      return;
    }
    for (const kept of waiting ?? []) post(kept);
    waiting = undefined;
  });
  let isGone = false;
  const ended = (how: string): void => {
    if (isGone) return;
    isGone = true;
    events.exit(how);
  };
  const gone = (code: number | null, signal: NodeJS.Signals | null): void =>
    ended(signal === null ? `exit code ${code}` : `signal ${signal}`);
  // node:cluster passes the error on. A worker that cannot be sent a message ends, and its exit tells.
  worker.on('error', () => {});
  child.on('error', (error) => {
    if (child.pid === undefined) ended(`it could not be started: ${error.message}`);
  });
  // Its last messages may come after the exit; `close` comes when every pipe has ended. (`disconnect` may not come at
  // all, when the worker ends while it is being sent the listening socket.)
  child.once('close', gone);
  child.once('exit', (code, signal) => void setTimeout(gone, lastWordsMs, code, signal));
  return {
    pid: child.pid ?? 0,
    send(message) {
      if (waiting === undefined) post(message);
      else waiting.push(message);
    },
    kill() {
      child.kill('SIGKILL');
    },
  };
}
