// The whole product as `carillon serve` runs it, metrics and limits on: chat, one room per URL.
import { existsSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Child } from './child.mjs';
import { Unavailable } from './debian-package.mjs';
import { requireRedis, startRedis } from './redis-server.mjs';
import { temporaryFolder } from './temporary-folder.mjs';

/**
 * One system per build: where its `dist` is, how many nodes with how many workers each, with Redis or without.
 * `isOther`: one to compare with, which need not know every setting.
 */
export function carillonSystem({ what, build, isOther, nodes = 1, workers, isThroughRedis = false }) {
  const main = join(resolve(build), 'main.js');
  // Builds from before there was a limit have none to lift.
  const hasAccept = existsSync(join(resolve(build), 'http/accept-options.js'));
  return {
    what,
    dialect: ({ server }) => (server?.app === 'echo' ? 'echo' : 'text'),
    async version() {
      const { version } = JSON.parse(await readFile(join(resolve(build), '../package.json'), 'utf8'));
      return version;
    },
    async prepare() {
      await access(main).catch(() => {
        throw new Unavailable(`${main} is missing: npm run build makes dist/, and --builds names another`);
      });
      if (isThroughRedis) requireRedis();
    },
    async start(scenario, { execArgv }) {
      const started = [];
      const stop = async () => {
        for (const each of started.toReversed()) await each.stop();
      };
      try {
        const redis = isThroughRedis ? await startRedis() : undefined;
        if (redis !== undefined) started.push(redis);
        for (let node = 1; node <= nodes; node++) {
          const config = configure(scenario, { node: `bell-${node}`, workers, redis, hasAccept });
          started.push(await startNode(main, config, execArgv));
        }
        const running = started.filter((each) => each !== redis);
        return {
          ports: running.map(({ port }) => port),
          pids: running.map(({ pid }) => pid),
          redisPid: redis?.pid,
          stop,
        };
      } catch (error) {
        await stop();
        if (isOther && error.message.includes('nothing was started'))
          throw new Unavailable('this build does not know the configuration', { cause: error });
        throw error;
      }
    },
  };
}

function configure({ rooms, server = {} }, { node, workers, redis, hasAccept }) {
  const urls = Array.from({ length: rooms }, (_, room) => `/room/${room}`);
  const { app = 'chat', outboxBytes, slowConsumer } = server;
  // The systems it is compared with keep nothing. Without a rule of the user's chat does.
  const rule = {
    pattern: '/room/*',
    ...(server.history ? {} : { history: false }),
    ...(slowConsumer === undefined ? {} : { slowConsumer }),
  };
  return {
    node,
    port: 0,
    operations: { port: 0 },
    workers,
    // Handshakes are measured as fast as they come.
    ...(hasAccept ? { accept: { rate: 0 } } : {}),
    ...(outboxBytes === undefined ? {} : { limits: { outboxBytes } }),
    ...(server.deflate ? { compression: { enabled: true, thresholdBytes: 256, level: 1 } } : {}),
    ...(redis === undefined ? {} : { redis: { port: redis.port } }),
    ...(Object.keys(rule).length > 1 ? { subscriptions: [rule] } : {}),
    apps: app === 'echo' ? { echo: { urls: ['/echo'] } } : { chat: { urls } },
  };
}

async function startNode(main, config, execArgv) {
  const folder = await temporaryFolder();
  const file = await temporaryFolder({
    'carillon.json': JSON.stringify({ ...config, log: { directory: folder.path } }),
  });
  const args = [...execArgv, main, 'serve', '--config', file.file('carillon.json')];
  const child = new Child('carillon', process.execPath, args, { cwd: file.path });
  const stop = async () => {
    await child.stop();
    await folder.remove();
    await file.remove();
  };
  try {
    const [, port] = await child.printed(/ {2}address +https?:\/\/\S+:(\d+)[^]*Ctrl-C stops it/);
    return { port: Number(port), pid: child.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
