import type { ChildProcess } from 'node:child_process';
import cluster, { type Worker as ClusterWorker } from 'node:cluster';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { IpcSwitch } from '../broker/ipc/ipc-switch.ts';
import { brokerDescriptor } from './broker-descriptor.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';
import { workerExecArgv } from './worker-exec-argv.ts';
import type { RunningWorker, WorkerEvents } from './worker-seat.ts';

/**
 * Sets node:cluster up. Connections reach the workers without a detour through the primary: handing them on costs
 * several times the accepting (docs/process-model.md has the measurements).
 * @param broker the embedded one, to which every worker gets a pipe; undefined: it has another
 */
export function setUpCluster(broker: IpcSwitch | undefined): void {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    // Next to this file, as .ts in the sources and as .js where it is built.
    exec: fileURLToPath(new URL(`worker-main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)),
    args: [],
    execArgv: [...workerExecArgv(process.execArgv, process.env['NODE_OPTIONS'])],
    // The pipe is `brokerDescriptor`.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...(broker === undefined ? [] : ['pipe' as const])],
    serialization: 'json',
  });
}

/** How long a dead worker's pipes may take to end, in milliseconds. */
const lastWordsMs = 1_000;

/**
 * Forks one worker process and connects it to the embedded broker, where there is one. Where the system gives no process, for want of
 * file descriptors or memory, `exit` follows as for a worker that died.
 */
export function forkWorker(ipcSwitch: IpcSwitch | undefined, events: WorkerEvents): RunningWorker {
  try {
    return watchWorker(cluster.fork(), ipcSwitch, events);
  } catch (error) {
    // After the caller has got its worker.
    setImmediate(() => events.exit(notStarted(error)));
    return { pid: undefined, send() {}, kill() {} };
  }
}

function watchWorker(worker: ClusterWorker, ipcSwitch: IpcSwitch | undefined, events: WorkerEvents): RunningWorker {
  const child = worker.process;
  const pipe = pipeOf(child);
  if (pipe instanceof Duplex) ipcSwitch?.attach(pipe);
  const post = (message: ToWorker): void => {
    // A channel that breaks reports it to the callback; the exit follows.
    if (worker.isConnected()) child.send(message, () => {});
  };
  // node:cluster drops what arrives before the worker's own code listens.
  let waiting: ToWorker[] | undefined = [];
  let isGone = false;
  child.on('message', (received) => {
    // Its seat may have a successor by now.
    if (isGone) return;
    const message = received as FromWorker;
    if (message.type !== 'hears') {
      events.message(message);
      return;
    }
    for (const kept of waiting ?? []) post(kept);
    waiting = undefined;
  });
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
    if (child.pid !== undefined) return;
    // node:cluster forgets a worker when it exits, which this one never does.
    delete cluster.workers?.[worker.id];
    ended(notStarted(error));
  });
  // Its last messages may come after the exit; `close` comes when every pipe has ended. (`disconnect` may not come at
  // all, when the worker ends while it is being sent the listening socket.)
  child.once('close', gone);
  child.once('exit', (code, signal) => void setTimeout(gone, lastWordsMs, code, signal));
  return {
    pid: child.pid,
    send(message) {
      if (waiting === undefined) post(message);
      else waiting.push(message);
    },
    kill() {
      if (child.pid !== undefined) child.kill('SIGKILL');
    },
  };
}

/** The primary's end of the broker's pipe. A process that could not be started for want of descriptors has no pipes. */
function pipeOf(child: ChildProcess): unknown {
  const { stdio }: { stdio?: ChildProcess['stdio'] } = child;
  return stdio?.[brokerDescriptor];
}

function notStarted(error: unknown): string {
  return `it could not be started: ${error instanceof Error ? error.message : String(error)}`;
}
