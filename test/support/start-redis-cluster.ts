import { freePort } from './free-port.ts';
import { startAll, stopAll } from './start-all.ts';
import { startRedis, type RedisServer } from './start-redis.ts';
import { until } from './until.ts';

const primaries = 3;
const slots = 16_384;
/** Most keys of one MIGRATE. */
const keysAtOnce = 100;

export interface RedisClusterNode {
  /** Its name in the cluster. */
  readonly id: string;
  readonly server: RedisServer;
}

/** Three primaries with a replica each. */
export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisClusterNode[];
  /** What goes into `redis.cluster`. */
  readonly seeds: readonly { readonly host: string; readonly port: number }[];
  slotOf(key: string): Promise<number>;
  /** Who serves the slot, as the nodes that run see it. */
  primaryOf(slot: number): Promise<RedisClusterNode>;
  /** A primary that does not serve the slot. */
  otherPrimary(slot: number): Promise<RedisClusterNode>;
  /** Moves a slot with its keys, as resharding does; the clients' work goes on meanwhile. */
  migrateSlot(slot: number, to: RedisClusterNode): Promise<void>;
  /** Until every node that runs says that all slots are served, and by whom. */
  settled(): Promise<void>;
}

/** @param nodeTimeoutMs after so long without a word a node counts as failed */
export async function startRedisCluster({ nodeTimeoutMs = 1_000 } = {}): Promise<RedisCluster> {
  const servers = await startAll(Array.from({ length: 2 * primaries }, () => startNode(nodeTimeoutMs)));
  try {
    const nodes = await Promise.all(
      servers.map(async (server) => ({ server, id: await server.admin.cluster('MYID') })),
    );
    await form(nodes);
    const cluster = new StartedCluster(nodes);
    await cluster.settled();
    return cluster;
  } catch (error) {
    await stopAll(servers);
    throw error;
  }
}

class StartedCluster implements RedisCluster {
  readonly nodes: readonly RedisClusterNode[];

  constructor(nodes: readonly RedisClusterNode[]) {
    this.nodes = nodes;
  }

  get seeds(): { host: string; port: number }[] {
    return this.nodes.map(({ server: { host, port } }) => ({ host, port }));
  }

  async slotOf(key: string): Promise<number> {
    return await this.#asked().server.admin.cluster('KEYSLOT', key);
  }

  async primaryOf(slot: number): Promise<RedisClusterNode> {
    const range = (await slotRanges(this.#asked())).find(({ from, to }) => from <= slot && slot <= to);
    const node = this.nodes.find(({ id }) => id === range?.primary);
    if (node === undefined) throw new Error(`nobody serves slot ${slot}`);
    return node;
  }

  async otherPrimary(slot: number): Promise<RedisClusterNode> {
    const { id } = await this.primaryOf(slot);
    const serving = new Set((await slotRanges(this.#asked())).map(({ primary }) => primary));
    const other = this.nodes.find((node) => node.id !== id && serving.has(node.id) && runs(node));
    if (other === undefined) throw new Error(`there is no primary besides that of slot ${slot}`);
    return other;
  }

  async migrateSlot(slot: number, to: RedisClusterNode): Promise<void> {
    const from = await this.primaryOf(slot);
    // The order is that of Redis' documentation of CLUSTER SETSLOT: at no time does nobody serve the slot.
    await to.server.admin.cluster('SETSLOT', slot, 'IMPORTING', from.id);
    await from.server.admin.cluster('SETSLOT', slot, 'MIGRATING', to.id);
    for (;;) {
      const keys = await from.server.admin.cluster('GETKEYSINSLOT', slot, keysAtOnce);
      if (keys.length === 0) break;
      const { host, port } = to.server;
      await from.server.admin.call('MIGRATE', host, String(port), '', '0', '5000', 'KEYS', ...keys);
    }
    await to.server.admin.cluster('SETSLOT', slot, 'NODE', to.id);
    await from.server.admin.cluster('SETSLOT', slot, 'NODE', to.id);
    await this.settled();
  }

  async settled(): Promise<void> {
    await until(
      async () => {
        const views = await Promise.all(this.nodes.filter(runs).map((node) => view(node)));
        return views.every((served) => served !== undefined && served === views[0]);
      },
      { deadlineMs: 30_000, everyMs: 50, what: 'the nodes of the cluster agree' },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAll(this.nodes.map(({ server }) => server));
  }

  #asked(): RedisClusterNode {
    const running = this.nodes.find(runs);
    if (running === undefined) throw new Error('no node of the cluster runs');
    return running;
  }
}

async function startNode(nodeTimeoutMs: number): Promise<RedisServer> {
  for (let attempt = 0; ; attempt++) {
    // Of their own: by default the bus is 10,000 above the port, and may be taken.
    const bus = ['--cluster-port', String(await freePort())];
    const timeout = ['--cluster-node-timeout', String(nodeTimeoutMs)];
    try {
      // A replica that has been away for long still takes over: the tests are about us, not about Redis' caution.
      const validity = ['--cluster-replica-validity-factor', '0'];
      // Loading a new replica's data begins at once and not after the usual 5 s, in which others might join.
      const sync = ['--repl-diskless-sync-delay', '0'];
      return await startRedis({ args: ['--cluster-enabled', 'yes', ...bus, ...timeout, ...validity, ...sync] });
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

/** The first `primaries` nodes share the slots; each of the others follows one of them. */
async function form(nodes: readonly RedisClusterNode[]): Promise<void> {
  const first = nodes[0];
  if (first === undefined) return;
  for (const { server } of nodes) {
    const [, busPort] = await server.admin.config('GET', 'cluster-port');
    if (server !== first.server) await first.server.admin.cluster('MEET', server.host, server.port, Number(busPort));
  }
  const each = Math.ceil(slots / primaries);
  for (const [i, { server }] of nodes.slice(0, primaries).entries()) {
    await server.admin.cluster('ADDSLOTSRANGE', i * each, Math.min((i + 1) * each, slots) - 1);
    // Without it two nodes that begin with one epoch settle that between them later, with the cluster down.
    await server.admin.cluster('SET-CONFIG-EPOCH', i + 1).catch(() => {});
  }
  await until(async () => (await Promise.all(nodes.map(peers))).every((known) => known === nodes.length), {
    deadlineMs: 30_000,
    what: 'the nodes of the cluster know each other',
  });
  for (const [i, { server }] of nodes.slice(primaries).entries()) {
    await until(() => server.admin.cluster('REPLICATE', nodes[i]?.id ?? '').then(...succeeded), {
      what: 'a replica has its primary',
    });
  }
  await until(async () => (await Promise.all(nodes.slice(primaries).map(isLinked))).every(Boolean), {
    deadlineMs: 30_000,
    what: 'the replicas have what their primaries have',
  });
}

const succeeded = [(): boolean => true, (): boolean => false] as const;

function runs({ server }: RedisClusterNode): boolean {
  return server.pid !== -1;
}

async function peers({ server }: RedisClusterNode): Promise<number> {
  const lines = String(await server.admin.cluster('NODES'))
    .trim()
    .split('\n');
  return lines.filter((line) => !line.includes('handshake')).length;
}

async function isLinked({ server }: RedisClusterNode): Promise<boolean> {
  return (await server.admin.info('replication')).includes('master_link_status:up');
}

/** Who serves what, as this node sees it; undefined while it does not serve, or does not answer. */
async function view(node: RedisClusterNode): Promise<string | undefined> {
  try {
    if (!(await node.server.admin.cluster('INFO')).includes('cluster_state:ok')) return undefined;
    const ranges = await slotRanges(node);
    return JSON.stringify(ranges.toSorted((a, b) => a.from - b.from));
  } catch {
    return undefined;
  }
}

async function slotRanges({ server }: RedisClusterNode): Promise<{ from: number; to: number; primary: string }[]> {
  const answer = await server.admin.cluster('SLOTS');
  return answer.map(([from, to, primary]) => ({ from, to, primary: primary?.[2] ?? '' }));
}
