import { pick } from './pick.ts';
import type { SoakNode } from './soak-node.ts';
import type { RedisServer } from './start-redis.ts';
import type { Direction, StartedTcpProxy } from './start-tcp-proxy.ts';
import { until } from './until.ts';

/** What faults can be done to. */
export interface SoakSite {
  readonly redis: RedisServer;
  /** Between the second node and Redis. */
  readonly proxy: StartedTcpProxy;
  readonly nodes: readonly SoakNode[];
  /** Whom the next fault waits for. */
  readonly crowds: readonly { readonly isCalm: boolean }[];
}

export interface SoakFault {
  readonly name: string;
  /** Resolves when what was broken is whole again. */
  happen(site: SoakSite, random: () => number): Promise<void>;
}

/** Longer than it takes to notice, by the second half. In milliseconds. */
const longestMs = 3_000;

/** The one after which histories begin anew; not among `soakFaults`, which lose nothing that has a history. */
export const forgetting: SoakFault = {
  name: 'Redis forgets everything',
  happen: async ({ redis }) => {
    await redis.admin.flushall();
  },
};

export const soakFaults: readonly SoakFault[] = [
  {
    name: 'Redis restarts',
    happen: async ({ redis }, random) => {
      await redis.stop(random() < 0.5 ? 'SIGTERM' : 'SIGKILL');
      await lasting(random);
      await redis.restart();
    },
  },
  {
    name: 'Redis hangs',
    happen: async ({ redis }, random) => {
      redis.signal('SIGSTOP');
      await lasting(random);
      redis.signal('SIGCONT');
    },
  },
  {
    name: 'Redis drops its clients',
    happen: async ({ redis }, random) => {
      await redis.admin.call('CLIENT', 'KILL', 'TYPE', random() < 0.5 ? 'pubsub' : 'normal');
    },
  },
  hole('to server'),
  hole('to client'),
  {
    name: 'half of the packets are late',
    happen: async ({ proxy }, random) => {
      proxy.delayHalf({ delayMs: 300 * random(), seed: Math.floor(2 ** 31 * random()) });
      await lasting(random);
      proxy.heal();
    },
  },
  {
    name: 'the network resets its connections',
    happen: ({ proxy }) => {
      proxy.reset();
      return Promise.resolve();
    },
  },
  {
    name: 'a worker is killed',
    happen: async ({ nodes }, random) => {
      process.kill(await someWorker(nodes, random), 'SIGKILL');
    },
  },
  {
    name: 'a worker stands still',
    happen: async ({ nodes }, random) => {
      await standStill([await someWorker(nodes, random)], random);
    },
  },
  {
    name: 'a node stands still',
    happen: async ({ nodes }, random) => {
      await standStill(await pick(nodes, random).everyPid(), random);
    },
  },
  {
    name: 'a node stops in order and starts again',
    happen: async ({ nodes }, random) => {
      const node = pick(nodes, random);
      await node.stop();
      await lasting(random);
      await node.startAgain();
    },
  },
];

function hole(direction: Direction): SoakFault {
  return {
    name: `everything is swallowed ${direction}`,
    happen: async ({ proxy }, random) => {
      proxy.hold(direction);
      await lasting(random);
      proxy.heal();
    },
  };
}

function lasting(random: () => number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, longestMs * random()));
}

async function someWorker(nodes: readonly SoakNode[], random: () => number): Promise<number> {
  const node = pick(nodes, random);
  // An earlier fault may have killed them all: they are replaced.
  await until(async () => (await node.workerPids()).length > 0, { what: 'the node has a worker' });
  return pick(await node.workerPids(), random);
}

async function standStill(pids: readonly number[], random: () => number): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await lasting(random);
  for (const pid of pids) process.kill(pid, 'SIGCONT');
}
