import { quickly } from './fault-rooms.ts';
import { pick } from './pick.ts';
import { seededRandom } from './seeded-random.ts';
import { forgetting, soakFaults, type SoakFault, type SoakSite } from './soak-faults.ts';
import { SoakNode } from './soak-node.ts';
import { SoakRoom } from './soak-room.ts';
import { startAll, stopAll } from './start-all.ts';
import type { ProductConfig } from './start-product.ts';
import { startRedis } from './start-redis.ts';
import { startTcpProxy } from './start-tcp-proxy.ts';
import { until } from './until.ts';

const rooms = ['/kept-1', '/kept-2', '/kept-3', '/loose-1', '/loose-2'];
/** Between two comings and goings, on average. */
const moveMs = 150;
/** Between two faults, on average. */
const calmMs = 1_500;

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Whether Redis may forget everything. Else the histories must have lost nothing, and nobody is told of anything. */
  readonly forgets: boolean;
}

export interface SoakReport {
  readonly summary: string;
  /** What contradicts the model, in words; none is what is promised. */
  readonly problems: readonly string[];
}

/**
 * Two nodes, clients that come and go, publishers that never rest, and one fault after the other, all drawn by the
 * seed. The model: who has a history hears all that was accepted since it first came, once and in order, wherever it
 * was meanwhile; unless the history was lost, and then it is told where. Who has none is told where it may have lost.
 */
export async function runSoak({ seconds, seed, forgets }: SoakOptions): Promise<SoakReport> {
  const started: AsyncDisposable[] = [];
  const keep = <T extends AsyncDisposable>(one: T): T => {
    started.push(one);
    return one;
  };
  try {
    const redis = keep(await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] }));
    const proxy = keep(await startTcpProxy(redis.port));
    const nodes = await startAll(
      [redis.url, `redis://127.0.0.1:${proxy.port}`].map((url, i) => SoakNode.start(soakConfig(url, `node-${i + 1}`))),
    );
    nodes.forEach(keep);
    const crowds = rooms.map((room) => keep(new SoakRoom(room, nodes)));
    await until(() => crowds.every(({ isComplete }) => isComplete), { what: 'everybody is in' });
    for (const crowd of crowds) crowd.publish();
    const end = Date.now() + seconds * 1_000;
    const [faults] = await Promise.all([
      breakThings({ redis, proxy, nodes, crowds }, forgets, seededRandom(seed + 1), end),
      walkAbout(crowds, seededRandom(seed), end),
    ]);
    for (const crowd of crowds) crowd.everybodyBack();
    const verdicts = await Promise.all(crowds.map((crowd) => crowd.settle(forgets)));
    const problems = verdicts.flatMap(({ problems: found }) => found);
    return {
      problems,
      summary: `soak ${forgets ? 'with' : 'without'} a Redis that forgets: seed ${seed}; ${faults.join(', ')}\n${verdicts.map((v) => v.summary).join('\n')}`,
    };
  } finally {
    await stopAll(started);
  }
}

function soakConfig(url: string, node: string): ProductConfig {
  return {
    node,
    redis: { url, ...quickly },
    apps: { chat: { urls: rooms } },
    subscriptions: [
      { pattern: '/kept-*', history: { size: 100_000, ttl: 3_600 } },
      { pattern: '/loose-*', history: false },
    ],
  };
}

/** Clients come and go, one at a time. */
async function walkAbout(crowds: readonly SoakRoom[], random: () => number, end: number): Promise<void> {
  while (Date.now() < end) {
    await rest(2 * moveMs * random());
    const crowd = pick(crowds, random);
    await crowd.move(random());
  }
}

/** One fault after the other, each healed before the next. @returns what was done, in order */
async function breakThings(site: SoakSite, forgets: boolean, random: () => number, end: number): Promise<string[]> {
  const faults = forgets ? [...soakFaults, forgetting] : soakFaults;
  const done: string[] = [];
  let left: readonly SoakFault[] = [];
  while (Date.now() < end) {
    // Each once, in a new order, before any comes again.
    if (left.length === 0) left = faults;
    // It is what this soak is for, so it does not depend on the draw.
    const fault = forgets && done.length === 0 ? forgetting : pick(left, random);
    left = left.filter((one) => one !== fault);
    await rest(2 * calmMs * random());
    done.push(fault.name);
    await fault.happen(site, random);
    await until(() => site.crowds.every(({ isCalm }) => isCalm), {
      deadlineMs: 60_000,
      everyMs: 50,
      what: `publishers are answered after: ${fault.name}`,
    });
  }
  return done;
}

/** The rhythm of the soak itself, which is not waiting for anything. */
function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
