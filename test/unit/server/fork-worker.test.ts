import cluster from 'node:cluster';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { IpcSwitch } from '../../../src/broker/ipc/ipc-switch.ts';
import { forkWorker, setUpCluster } from '../../../src/server/fork-worker.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

/** Leaves its channel (descriptor 3) to a process that speaks on it after the worker's last words were due. */
const leavesItsChannel = `
import { spawn } from 'node:child_process';
const speak = "setTimeout(() => require('node:fs').writeSync(3, JSON.stringify({ type: 'load', connections: 7 }) + '\\\\n'), 2000)";
spawn(process.execPath, ['-e', speak], { stdio: ['ignore', 'ignore', 'ignore', 3] }).once('spawn', () => process.exit(3));
`;

describe('forkWorker', () => {
  it('tells nothing more of a worker once it has told that it is gone', async () => {
    await using folder = await temporaryFolder({ 'worker.mjs': leavesItsChannel });
    const ipcSwitch = new IpcSwitch();
    setUpCluster(ipcSwitch);
    cluster.setupPrimary({ exec: folder.file('worker.mjs') });
    const told: string[] = [];
    const late = once(cluster, 'message');
    const worker = forkWorker(ipcSwitch, {
      message: ({ type }) => told.push(type),
      exit: (how) => told.push(how),
    });
    expect(worker.pid).toBeGreaterThan(0);
    expect((await late)[1]).toEqual({ type: 'load', connections: 7 });
    await until(() => Object.keys(cluster.workers ?? {}).length === 0);
    expect(told).toEqual(['exit code 3']);
    ipcSwitch.close();
  });
});
