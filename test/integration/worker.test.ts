import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { IpcBroker } from '../../src/broker/ipc/ipc-broker.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { Severities } from '../../src/lib/severities.ts';
import type { FromWorker } from '../../src/server/worker-messages.ts';
import { Worker } from '../../src/server/worker.ts';
import { deferred } from '../support/deferred.ts';
import { IpcCluster } from '../support/ipc-cluster.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const ticketKeys = Buffer.alloc(48).toString('base64');

describe('a worker', () => {
  it('proves a round trip through its broker before it says that it is ready, and once a second', async () => {
    await using running = await startWorker();
    expect(running.publicationsAtMount).toBe(1);
    await until(() => running.publications() >= 3);
  });

  it('takes leave of its clients and ends when it loses the pipe to its broker', async () => {
    await using running = await startWorker();
    await using client = await TestClient.open(`ws://127.0.0.1:${running.port}/echo`);
    running.breakPipe();
    expect((await client.closed).code).toBe(1001);
    expect(await running.exited).toBe(1);
    expect(await running.logged()).toContain('"event":"broker-lost"');
  });
});

interface RunningWorker extends AsyncDisposable {
  readonly port: number;
  readonly exited: Promise<number>;
  /** How many publications the switch had got when the worker said that it is mounted. */
  readonly publicationsAtMount: number;
  /** How many it has got. */
  publications(): number;
  breakPipe(): void;
  /** Its error log. */
  logged(): Promise<string>;
}

/** A worker in this process, at the end of a real pipe to a switch, that listens. */
async function startWorker(): Promise<RunningWorker> {
  const folder = await temporaryFolder({
    'carillon.json': JSON.stringify({ log: { directory: 'logs' }, apps: { echo: { urls: ['/echo'] } } }),
  });
  const cluster = new IpcCluster();
  const pipe = await cluster.pipe();
  const said: FromWorker[] = [];
  const exit = deferred<number>();
  const worker = new Worker({
    send: (message) => said.push(message),
    makeBroker: (onLost) => new IpcBroker(pipe, { onLost }),
    exit: (code) => exit.resolve(code),
  });
  worker.receive({
    type: 'start',
    worker: 1,
    instance: 'this run',
    config: loadConfig({ cwd: folder.path }).config,
    severities: new Severities().state,
    ticketKeys,
  });
  await until(() => said.some(({ type }) => type === 'mounted'));
  const publicationsAtMount = cluster.switch.stats.publications;
  worker.receive({ type: 'listen', port: 0 });
  const { port } = await until(() => said.find((message) => message.type === 'listening'));
  return {
    port,
    exited: exit.promise,
    publicationsAtMount,
    publications: () => cluster.switch.stats.publications,
    breakPipe: () => void pipe.destroy(),
    logged: () => readFile(folder.file('logs/error.log'), 'utf8'),
    async [Symbol.asyncDispose]() {
      await worker.stop(0);
      await cluster[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
