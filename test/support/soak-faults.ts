import type { Product } from './start-product.ts';
import type { RedisServer } from './start-redis.ts';
import type { Direction, StartedTcpProxy } from './start-tcp-proxy.ts';

/** What faults can be done to. */
export interface SoakSite {
  readonly redis: RedisServer;
  /** Between the second node and Redis. */
  readonly proxy: StartedTcpProxy;
  readonly products: readonly Product[];
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

/** The one after which histories begin anew. */
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
  forgetting,
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
    happen: async ({ products }, random) => {
      const pid = await someWorker(products, random);
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    },
  },
  {
    name: 'a worker stands still',
    happen: async ({ products }, random) => {
      const pid = await someWorker(products, random);
      if (pid === undefined) return;
      process.kill(pid, 'SIGSTOP');
      await lasting(random);
      process.kill(pid, 'SIGCONT');
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

async function someWorker(products: readonly Product[], random: () => number): Promise<number | undefined> {
  const pids = (await Promise.all(products.map((product) => product.workerPids()))).flatMap((by) => [...by.values()]);
  return pids[Math.floor(random() * pids.length)];
}
