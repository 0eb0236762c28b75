import { IpcSwitch } from '../broker/ipc/ipc-switch.ts';
import type { Config } from '../config/config.ts';
import { silentLog, type Log } from '../lib/log.ts';
import { Severities } from '../lib/severities.ts';
import { authority, welcome, type ServeFacts } from './welcome.ts';
import { forkWorker, setUpCluster } from './fork-worker.ts';
import { Lifecycle, StartInterruptedError } from './lifecycle.ts';
import { openLogs, type Logs } from './logs.ts';
import { readNode } from './node-metrics.ts';
import { openOperationsPort } from './operations.ts';
import { Primary } from './primary.ts';
import { Reloader } from './reload.ts';
import { watchSignal, watchStopSignals } from './signals.ts';
import { TlsPairWatcher } from './tls-pair.ts';
import type { SpawnWorker } from './worker-seat.ts';
import { nodeStartMs } from './worker-deadlines.ts';

/**
 * Runs the node until SIGTERM or SIGINT, and stops it in order.
 * @throws StartError when it cannot start; nothing is left running then
 */
export async function serve(config: Config, facts: ServeFacts): Promise<void> {
  process.title = 'carillon';
  let log: Log = silentLog;
  let logs: Logs | undefined;
  let primary: Primary | undefined;
  const column = new Lifecycle(() => log);
  const signals = watchStopSignals(() => primary?.kill());
  const unwatchReopen = watchSignal('SIGUSR2', () => {
    logs?.reopen();
    primary?.reopenLogs();
  });
  let isReloadWanted = false;
  let reloader: Reloader | undefined;
  const unwatchReload = watchSignal('SIGHUP', () => {
    isReloadWanted = true;
    reloader?.request();
  });
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  const leave = async (isDrained: boolean): Promise<void> => {
    if (isDrained && (primary?.state === 'serving' || primary?.state === 'draining')) await primary.drain();
    // Before the column: readiness turns red at once, and a start that is under way is given up.
    await Promise.all([primary?.stop(), column.stop()]);
    stop();
  };
  let isDraining = false;
  const drain = (by: string): void => {
    if (isDraining) return;
    isDraining = true;
    log.info({ event: 'drain-requested', by }, `draining on ${by}`);
    void leave(true);
  };
  void signals.requested.then((signal) => {
    if (signal === 'SIGTERM') return drain(signal);
    log.info({ event: 'stop-requested', signal }, `stopping on ${signal}`);
    void leave(false);
  });
  try {
    const severities = new Severities(config.log.severities);
    logs = await column.step(
      'logs',
      { startMs: 5_000, stopMs: 5_000 },
      () => openLogs(config.log, severities, { node: config.node }),
      (open) => open.flush(),
    );
    log = logs.log;
    const tls = await column.step(
      'TLS certificate',
      { startMs: 10_000, stopMs: 2_000 },
      () =>
        config.tls === undefined
          ? undefined
          : TlsPairWatcher.open(config.tls, (pair) => primary?.replaceTls(pair), log),
      (watcher) => watcher?.close(),
    );
    const { spawn, ipcSwitch } = await workersOf(config);
    const node = (primary = new Primary({ config, log, severities, spawn, tls: tls?.pair }));
    const operations = await column.step(
      'operations port',
      { startMs: 5_000, stopMs: 2_000 },
      () =>
        openOperationsPort(
          config.operations,
          node,
          { nodeMetrics: () => readNode(node, ipcSwitch?.stats), drain: () => drain('POST /drain') },
          log,
        ),
      (port) => port.close(),
    );
    await column.step(
      'workers',
      {
        startMs: nodeStartMs(config),
        // A reload may have changed it.
        get stopMs() {
          return node.stopMs + 2_000;
        },
      },
      () => node.start(`http://${authority(config.operations.host, operations.port)}`),
      () => node.stop(),
    );
    log.info(
      { event: 'ready', workers: config.workers, host: config.host, port: node.port },
      'every worker accepts connections',
    );
    process.stdout.write(welcome(config, facts, { port: node.port, operationsPort: operations.port }));
    reloader = new Reloader({ primary: node, load: facts.load, severities, log });
    if (isReloadWanted) reloader.request();
    await stopped;
  } catch (error) {
    if (!(error instanceof StartInterruptedError)) throw error;
  } finally {
    // A step that failed is not part of what the column stops.
    await primary?.stop();
    await column.stop();
    signals.close();
    unwatchReopen();
    unwatchReload();
  }
}

/** How workers come to be: as processes, around the embedded broker unless there is Redis, or as the present process. */
async function workersOf(config: Config): Promise<{ spawn: SpawnWorker; ipcSwitch: IpcSwitch | undefined }> {
  if (config.workers === 0) {
    // Loaded here, so that a primary with worker processes does without the gateway's and the apps' modules.
    const { inProcessWorker } = await import('./in-process-worker.ts');
    return { spawn: inProcessWorker, ipcSwitch: undefined };
  }
  const ipcSwitch = config.redis === undefined ? new IpcSwitch() : undefined;
  setUpCluster(ipcSwitch);
  return { spawn: (_, events) => forkWorker(ipcSwitch, events), ipcSwitch };
}
