import { Child } from './child.mjs';
import { requireDebianPackage } from './debian-package.mjs';
import { freePort } from './free-port.mjs';
import { temporaryFolder } from './temporary-folder.mjs';

const program = '/usr/bin/redis-server';

export const requireRedis = () => requireDebianPackage(program, ['redis-server']);

/** A Redis of this run's own that stores nothing. */
export async function startRedis() {
  const port = await freePort();
  const folder = await temporaryFolder();
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder.path,
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const child = new Child('redis-server', program, args);
  const stop = async () => {
    await child.stop();
    await folder.remove();
  };
  try {
    await child.printed(/ready to accept connections/i);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, pid: child.pid, stop };
}
