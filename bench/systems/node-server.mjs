// The servers of ../servers: small Node programs that are told what to be in one argument and print {"port": N}.
import { fileURLToPath } from 'node:url';
import { Child } from './child.mjs';

/** @param execArgv flags of Node, such as those of a profile */
export async function startNodeServer(name, told, execArgv) {
  const file = fileURLToPath(new URL(`../servers/${name}.mjs`, import.meta.url));
  const child = new Child(name, process.execPath, [...execArgv, file, JSON.stringify(told)]);
  try {
    const [, port] = await child.printed(/\{"port":(\d+)\}/);
    return { port: Number(port), pid: child.pid, stop: () => child.stop() };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

/** A system of one such process. */
export function nodeSystem({ what, dialect = 'text', server, version, prepare = () => {} }) {
  return {
    what,
    dialect: () => dialect,
    version,
    prepare,
    async start({ server: told = {} }, { execArgv }) {
      const { port, pid, stop } = await startNodeServer(server, told, execArgv);
      return { ports: [port], pids: [pid], stop };
    },
  };
}
