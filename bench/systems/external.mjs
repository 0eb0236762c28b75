// Any server that is on the machine: `--external name="command"`. README.md has the contract.
import { Child } from './child.mjs';

export function externalSystem(name, command) {
  return {
    what: `\`${command}\``,
    dialect: ({ server }) => (server?.app === 'echo' ? 'echo' : 'text'),
    version: () => undefined,
    prepare() {},
    async start({ rooms }) {
      const child = new Child(name, '/bin/sh', ['-c', command], { isGroup: true, env: { BENCH_ROOMS: String(rooms) } });
      try {
        const [, port] = await child.printed(/\{\s*"port"\s*:\s*(\d+)\s*\}/);
        return { ports: [Number(port)], pids: [child.pid], stop: () => child.stop() };
      } catch (error) {
        await child.stop();
        throw error;
      }
    },
  };
}
