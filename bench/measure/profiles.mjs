// CPU profiles of a run's servers. Every Node process of the server writes one when it ends; those that hold clients are
// kept, under a name that says what they are of.
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Flags for the server, and what to do when it has stopped. */
export async function profileServer(folder, name) {
  await mkdir(folder, { recursive: true });
  const written = await mkdtemp(join(folder, 'profile-'));
  return {
    execArgv: ['--cpu-prof', `--cpu-prof-dir=${written}`],
    /** @returns the files that were kept */
    async keep(workerPids) {
      const kept = [];
      for (const file of await readdir(written)) {
        // CPU.<date>.<time>.<pid>.<thread>.<number>.cpuprofile
        const pid = Number(file.split('.')[3]);
        if (!workerPids.includes(pid)) continue;
        const target = `${name}-${pid}.cpuprofile`;
        await rename(join(written, file), join(folder, target));
        kept.push(target);
      }
      await rm(written, { recursive: true, force: true });
      return kept;
    },
  };
}
