// nats-server with its WebSocket listener: the NATS protocol inside WebSocket frames.
import { Child } from './child.mjs';
import { debianVersion, requireDebianPackage } from './debian-package.mjs';
import { freePort } from './free-port.mjs';
import { temporaryFolder } from './temporary-folder.mjs';

const program = '/usr/sbin/nats-server';

const configuration = (port) => `
host: "127.0.0.1"
port: -1
websocket { host: "127.0.0.1", port: ${port}, no_tls: true, compression: false }
`;

export const natsServer = {
  what: 'nats-server, its WebSocket listener',
  dialect: () => 'nats',
  version: () => debianVersion('nats-server'),
  prepare: () => requireDebianPackage(program, ['nats-server']),
  async start() {
    const port = await freePort();
    const folder = await temporaryFolder({ 'nats.conf': configuration(port) });
    const child = new Child('nats-server', program, ['-c', folder.file('nats.conf')]);
    const stop = async () => {
      await child.stop();
      await folder.remove();
    };
    try {
      await child.printed(/Server is ready/);
      return { ports: [port], pids: [child.pid], stop };
    } catch (error) {
      await stop();
      throw error;
    }
  },
};
