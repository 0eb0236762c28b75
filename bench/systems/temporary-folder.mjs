import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of a server's own with these files (name → content); `remove` when it has ended. */
export async function temporaryFolder(files = {}) {
  const path = await mkdtemp(join(tmpdir(), 'carillon-bench-'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  return {
    path,
    file: (name) => join(path, name),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
