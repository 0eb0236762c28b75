// The floor of a server that makes one system call per delivery: ../servers/send-loop.c, compiled when it starts.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Child } from './child.mjs';
import { requireDebianPackage, Unavailable } from './debian-package.mjs';
import { temporaryFolder } from './temporary-folder.mjs';

const compiler = '/usr/bin/cc';
const source = fileURLToPath(new URL('../servers/send-loop.c', import.meta.url));

export const cLoop = {
  what: 'the floor: rooms in C, with nothing but `epoll` and one `send` per delivery',
  dialect: () => 'text',
  version: () => execFileSync(compiler, ['-dumpfullversion'], { encoding: 'utf8' }).trim(),
  prepare() {
    requireDebianPackage(compiler, ['gcc', 'libc6-dev']);
  },
  async start() {
    const folder = await temporaryFolder();
    const program = folder.file('send-loop');
    try {
      execFileSync(compiler, ['-O2', '-o', program, source], { stdio: 'pipe' });
      const child = new Child('c-loop', program, []);
      const [, port] = await child.printed(/"port":(\d+)/);
      const stop = async () => {
        await child.stop();
        await folder.remove();
      };
      return { ports: [Number(port)], pids: [child.pid], stop };
    } catch (error) {
      await folder.remove();
      throw new Unavailable(`the floor cannot be measured: ${error.message}`);
    }
  },
};
