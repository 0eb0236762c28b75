// What the operating system says of a process and all its descendants (proc(5)).
import { readdir, readFile } from 'node:fs/promises';

const ticksPerSecond = 100; // USER_HZ on every Linux that Node runs on

async function descendants(pid) {
  const pids = [pid];
  for (const task of await readdir(`/proc/${pid}/task`).catch(() => [])) {
    const children = await readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '');
    for (const child of children.split(' ').filter(Boolean)) pids.push(...(await descendants(Number(child))));
  }
  return pids;
}

/** @returns user and system time together, in seconds, and resident memory in bytes */
export async function measureTree(pid) {
  let cpuSeconds = 0;
  let residentBytes = 0;
  for (const each of await descendants(pid)) {
    const stat = await readFile(`/proc/${each}/stat`, 'utf8').catch(() => undefined);
    if (stat === undefined) continue;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    cpuSeconds += (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    residentBytes += Number(fields[21]) * 4096;
  }
  return { cpuSeconds, residentBytes };
}
