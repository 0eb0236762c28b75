// Everything that can be measured, by name. A system is
//
//   what, version()        for the report
//   prepare()              installs what is missing, or throws `Unavailable`
//   dialect(scenario)      a key of ../generator/dialects.mjs
//   start(scenario, {execArgv})   → {ports, pids, redisPid?, stop}; clients are spread over the ports
import { createRequire } from 'node:module';
import { cLoop } from './c-loop.mjs';
import { carillonSystem } from './carillon.mjs';
import { externalSystem } from './external.mjs';
import { natsServer } from './nats-server.mjs';
import { nchan } from './nchan.mjs';
import { nodeSystem } from './node-server.mjs';
import { peerVersion, requireNpmPeers } from './npm-peers.mjs';
import { socketIoRedis } from './socket-io-redis.mjs';

const wsVersion = () => createRequire(import.meta.url)('ws/package.json').version;

const peers = {
  'ws-loop': nodeSystem({
    what: 'plain `ws`: a loop of `client.send(text)` over a set per room',
    server: 'ws-loop',
    version: wsVersion,
  }),
  'bare-ws': nodeSystem({
    what: 'plain `ws` that does nothing with a connection',
    server: 'bare-ws',
    version: wsVersion,
  }),
  'socket-io': nodeSystem({
    what: 'Socket.IO with its in-memory adapter, WebSocket transport only',
    server: 'socket-io',
    dialect: 'socketIo',
    version: () => peerVersion('socket.io'),
    prepare: () => requireNpmPeers(['socket.io']),
  }),
  'socket-io-redis': socketIoRedis,
  nchan,
  'nats-server': natsServer,
  'c-loop': cLoop,
};

/**
 * @param builds Map of label → folder of a built Carillon; the label of the only one may be empty
 * @param externals Map of name → command
 * @param workers of the Carillon that has no Redis
 */
export function allSystems({ builds, externals, workers }) {
  const systems = new Map();
  const [first] = builds.keys();
  for (const [label, build] of builds) {
    const isOther = label !== first;
    const suffix = label === '' ? '' : `@${label}`;
    const which = label === '' ? '' : ` (build "${label}")`;
    const add = (name, what, options) =>
      systems.set(`${name}${suffix}`, {
        ...carillonSystem({ what: what + which, build, isOther, ...options }),
        family: name,
      });
    const processes = workers === 1 ? 'one worker' : `${workers} workers`;
    add('carillon', `Carillon, embedded broker, ${processes}`, { workers });
    add('carillon-redis-workers', 'Carillon, Redis, one node with two workers', { workers: 2, isThroughRedis: true });
    add('carillon-redis-nodes', 'Carillon, Redis, two nodes with one worker each', {
      nodes: 2,
      workers: 1,
      isThroughRedis: true,
    });
  }
  for (const [name, system] of Object.entries(peers)) systems.set(name, { ...system, family: name });
  for (const [name, command] of externals) systems.set(name, { ...externalSystem(name, command), family: 'external' });
  return systems;
}
