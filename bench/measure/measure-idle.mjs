// Connections that only exist: what each holds of the server's resident memory, and what the server does for all of them.
import { setTimeout as pause } from 'node:timers/promises';
import { measureTree } from './process-tree.mjs';
import { untilQuiet } from './quiet.mjs';

/** V8 collects once some 20 s after connections have come: half a second of CPU that is no cost of keeping them. */
const restSeconds = 30;

/** The first tenth is not counted: compiled code, and what a heap grows by the first time it is used. */
const firstShare = 0.1;

export async function measureIdle(server, generators, { idleSeconds }) {
  const fresh = await untilQuiet(server.pids);
  const first = await generators.open(0, firstShare);
  const begun = await untilQuiet(server.pids);
  const others = await generators.open(firstShare, 1);
  await pause(restSeconds * 1000);
  await untilQuiet(server.pids);
  const before = await measureTree(server.pids);
  const begin = performance.now();
  await pause(idleSeconds * 1000);
  const after = await measureTree(server.pids);
  const seconds = (performance.now() - begin) / 1000;
  const results = await generators.results();
  const connections = first.opened + others.opened;
  return {
    problems: results.flatMap((result) => result.problems),
    connections,
    workerBytesPerConnection: Math.round((after.workerResidentBytes - begun.workerResidentBytes) / others.opened),
    bytesPerConnection: Math.round((after.residentBytes - begun.residentBytes) / others.opened),
    workerBytesPerConnectionFromStart: Math.round(
      (after.workerResidentBytes - fresh.workerResidentBytes) / connections,
    ),
    bytesPerConnectionFromStart: Math.round((after.residentBytes - fresh.residentBytes) / connections),
    seconds,
    idleCores: (after.cpuSeconds - before.cpuSeconds) / seconds,
    residentBytes: after.residentBytes,
  };
}
