// Socket.IO with its Redis adapter, two processes.
import { peerVersion, requireNpmPeers } from './npm-peers.mjs';
import { startNodeServer } from './node-server.mjs';
import { requireRedis, startRedis } from './redis-server.mjs';

const adapter = '@socket.io/redis-adapter';

export const socketIoRedis = {
  what: 'Socket.IO with @socket.io/redis-adapter, two processes',
  dialect: () => 'socketIo',
  version: () => `${peerVersion('socket.io')}, adapter ${peerVersion(adapter)}`,
  prepare() {
    requireNpmPeers(['socket.io', adapter]);
    requireRedis();
  },
  async start({ server = {} }, { execArgv }) {
    const started = [];
    const stop = async () => {
      for (const each of started.toReversed()) await each.stop();
    };
    try {
      const redis = await startRedis();
      started.push(redis);
      for (let i = 0; i < 2; i++)
        started.push(await startNodeServer('socket-io', { ...server, redisPort: redis.port }, execArgv));
      const servers = started.slice(1);
      return {
        ports: servers.map(({ port }) => port),
        pids: servers.map(({ pid }) => pid),
        redisPid: redis.pid,
        stop,
      };
    } catch (error) {
      await stop();
      throw error;
    }
  },
};
