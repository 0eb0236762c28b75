// What the operating system says of processes and their descendants (proc(5)). The kernel scales user and system time
// so that together they are the exact run time, in steps of 10 ms.
import { readdir, readFile } from 'node:fs/promises';

const ticksPerSecond = 100; // USER_HZ on every Linux that Node runs on
const pageBytes = 4096;

async function childrenOf(pid) {
  const pids = [];
  for (const task of await readdir(`/proc/${pid}/task`).catch(() => [])) {
    const children = await readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '');
    pids.push(...children.split(' ').filter(Boolean).map(Number));
  }
  return pids;
}

/** @returns this process and all its descendants; `isWorker` marks those that have no children */
async function processes(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return [];
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const children = await childrenOf(pid);
  const own = {
    pid,
    isWorker: children.length === 0,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    residentBytes: Number(fields[21]) * pageBytes,
  };
  return [own, ...(await Promise.all(children.map(processes))).flat()];
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** User and system time together, in seconds, and resident memory in bytes, of all and of those that hold the clients. */
export async function measureTree(pids) {
  const all = (await Promise.all(pids.map(processes))).flat();
  const workers = all.filter(({ isWorker }) => isWorker);
  return {
    cpuSeconds: sum(all.map(({ cpuSeconds }) => cpuSeconds)),
    residentBytes: sum(all.map(({ residentBytes }) => residentBytes)),
    workerResidentBytes: sum(workers.map(({ residentBytes }) => residentBytes)),
    processes: all.length,
    workerPids: workers.map(({ pid }) => pid),
  };
}
