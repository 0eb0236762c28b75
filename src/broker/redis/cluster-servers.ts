import { fullJitterDelayMs } from '../../lib/backoff.ts';
import { parseClusterAddress, readClusterView, type ClusterView } from './cluster-view.ts';
import type { ProbePlace } from './link-probe.ts';
import { explainConnectError, RedisUnavailableError } from './redis-command-errors.ts';
import { connectRedis, destroyClient } from './redis-connect.ts';
import type { RedisLinkContext } from './dial-redis.ts';
import { RedisNode } from './redis-node.ts';
import type { RedisAddress } from './redis-options.ts';
import type { RedisServers, RedisServersHooks } from './redis-servers.ts';
import { addressLabel } from './redis-settings.ts';
import { slotCount, slotOf } from './redis-slot.ts';

/** At least so long is between two questions for the view, in milliseconds. */
const refreshPauseMs = 100;

/** Where no node can be asked, the seeds are dialled: by every worker of every node, each at its own moments. */
const seedBackoff = { baseMs: 200, capMs: 2_000 };

/** How long a node without slots is kept that nobody asks for, in milliseconds. */
const spareMs = 10_000;

/** After so many older views the cluster has been made anew. */
const patience = 50;

/** Nodes that are asked at a time. */
const askedNodes = 4;

/** The primaries of a Redis Cluster, one node each, with the slots they serve. */
export class ClusterServers implements RedisServers {
  readonly isSharded = true;
  readonly #context: RedisLinkContext;
  readonly #hooks: RedisServersHooks;
  readonly #probePlace: (tag: string) => ProbePlace;
  readonly #byAddress = new Map<string, RedisNode>();
  /** When Redis last pointed to an address. */
  readonly #neededMs = new Map<string, number>();
  /** Where the present probe of a node goes. */
  readonly #probeSlots = new Map<RedisNode, number>();
  #slots: (RedisNode | undefined)[] = Array.from({ length: slotCount });
  #isComplete = false;
  #epoch = -1;
  /** How often in a row nobody knew of the epoch that we know of. */
  #olderViews = 0;
  #viewFailure: RedisUnavailableError | undefined;
  /** How often in a row no seed has answered. */
  #seedFailures = 0;
  readonly #abort = new AbortController();
  #refreshing: Promise<void> | undefined;
  #isStale = true;
  #timer: NodeJS.Timeout | undefined;
  #regular: NodeJS.Timeout | undefined;
  /** Due where Redis has pointed to other nodes within this turn. */
  #rerouting: NodeJS.Immediate | undefined;
  #tags = 0;

  constructor(context: RedisLinkContext, hooks: RedisServersHooks, probePlace: (tag: string) => ProbePlace) {
    this.#context = context;
    this.#hooks = hooks;
    this.#probePlace = probePlace;
    this.#viewFailure = new RedisUnavailableError('unreachable', 'the Redis cluster has not been reached yet');
  }

  get proven(): Iterable<RedisNode> {
    return this.#probeSlots.keys();
  }

  get failure(): RedisUnavailableError | undefined {
    if (this.#viewFailure !== undefined && !this.#isComplete) return this.#viewFailure;
    for (const node of this.#probeSlots.keys()) if (node.failure !== undefined) return node.failure;
    return this.#isComplete
      ? undefined
      : new RedisUnavailableError('cluster-down', 'the Redis cluster does not serve all its slots');
  }

  nodeOf(slot: number): RedisNode | undefined {
    return this.#slots[slot];
  }

  nodeAt(address: string): RedisNode {
    this.#neededMs.set(address, performance.now());
    return this.#node(address);
  }

  #node(address: string): RedisNode {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const location = parseClusterAddress(address, this.#seedHost());
    // Its probe goes nowhere until it has a slot; the slots' view finds it then.
    const node: RedisNode = new RedisNode({
      context: this.#context,
      hooks: {
        onMessage: (held, payload) => this.#hooks.onMessage(held, payload),
        onLive: (names) => this.#hooks.onLive(names),
        onDropped: (names) => this.#hooks.onDropped(names),
        onRefused: (held, error) => this.#hooks.onRefused(held, node, error),
        onMoved: () => this.refresh(),
        onHealth: () => this.#hooks.onHealth(),
      },
      locate: async () => location,
      label: addressLabel(location),
      probe: undefined,
    });
    this.#byAddress.set(address, node);
    node.start();
    return node;
  }

  moved(slot: number, address: string): void {
    const node = this.nodeAt(address);
    if (this.#slots[slot] !== node) {
      this.#slots[slot] = node;
      // All slots and all names are gone over: once, for however many slots Redis has pointed elsewhere in one packet.
      if (!this.#abort.signal.aborted) this.#rerouting ??= setImmediate(() => this.#reroute());
    }
    this.refresh();
  }

  #reroute(): void {
    this.#rerouting = undefined;
    this.#placeProbes();
    this.#hooks.onRouted();
  }

  refresh(): void {
    this.#isStale = true;
    if (this.#refreshing !== undefined || this.#timer !== undefined || this.#abort.signal.aborted) return;
    const jitterMs = this.#seedFailures === 0 ? 0 : fullJitterDelayMs(this.#seedFailures, seedBackoff);
    this.#timer = setTimeout(() => this.#begin(), Math.max(refreshPauseMs, jitterMs));
  }

  #begin(): void {
    this.#timer = undefined;
    this.#refreshing = this.#refresh().finally(() => {
      this.#refreshing = undefined;
      if (this.#isStale) this.refresh();
    });
  }

  start(): void {
    this.#begin();
    this.#regular = setInterval(() => this.refresh(), this.#context.options.detectionMs);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#timer);
    clearImmediate(this.#rerouting);
    clearInterval(this.#regular);
    await this.#refreshing;
    await Promise.all([...this.#byAddress.values()].map((node) => node.close()));
  }

  async #refresh(): Promise<void> {
    this.#isStale = false;
    const views = await this.#askAll();
    if (this.#abort.signal.aborted) return;
    const [newest] = views.toSorted((a, b) => b.epoch - a.epoch);
    if (newest === undefined || (newest.epoch < this.#epoch && ++this.#olderViews < patience)) {
      this.#isStale = true;
      return;
    }
    this.#olderViews = 0;
    this.#epoch = newest.epoch;
    this.#viewFailure = undefined;
    this.#apply(newest);
  }

  #apply({ primaries }: ClusterView): void {
    const before = this.#slots;
    this.#slots = primaries.map((address) => (address === undefined ? undefined : this.#node(address)));
    this.#isComplete = this.#slots.every((node) => node !== undefined);
    const serving = new Set(this.#slots);
    this.#placeProbes();
    for (const [address, node] of this.#byAddress) {
      // One that is about to take slots over is pointed to before it has any.
      if (serving.has(node) || performance.now() - (this.#neededMs.get(address) ?? -spareMs) < spareMs) continue;
      this.#byAddress.delete(address);
      this.#neededMs.delete(address);
      this.#probeSlots.delete(node);
      void node.close();
    }
    if (this.#slots.some((node, slot) => node !== before[slot])) this.#hooks.onRouted();
    this.#hooks.onHealth();
  }

  /** Every node that serves slots is probed over one of them. */
  #placeProbes(): void {
    const serving = new Map<RedisNode, Set<number>>();
    for (const [slot, node] of this.#slots.entries()) {
      if (node === undefined) continue;
      const slots = serving.get(node);
      if (slots === undefined) serving.set(node, new Set([slot]));
      else slots.add(slot);
    }
    for (const [node, slots] of serving) {
      const present = this.#probeSlots.get(node);
      if (present !== undefined && slots.has(present)) continue;
      const tag = this.#tagIn(slots);
      this.#probeSlots.set(node, slotOf(tag));
      node.moveProbe(this.#probePlace(tag));
    }
    for (const node of this.#probeSlots.keys()) if (!serving.has(node)) this.#probeSlots.delete(node);
  }

  /** A number in one of these slots. Where it is a single one this takes some 16,000 tries, some milliseconds. */
  #tagIn(slots: ReadonlySet<number>): string {
    for (;;) {
      const tag = String(this.#tags++);
      if (slots.has(slotOf(tag))) return tag;
    }
  }

  async #askAll(): Promise<ClusterView[]> {
    const { options } = this.#context;
    const asked: Promise<ClusterView>[] = [];
    for (const [address, node] of this.#byAddress) {
      const { client } = node.commands;
      if (client === undefined || asked.length === askedNodes) continue;
      asked.push(this.#inTime(readClusterView(client, parseClusterAddress(address, '').host)));
    }
    const isSeeding = asked.length === 0;
    if (isSeeding) asked.push(...(options.cluster ?? []).map((seed) => this.#askSeed(seed)));
    const answers = await Promise.allSettled(asked);
    const failed = answers.find((answer) => answer.status === 'rejected');
    const isFailure = answers.every((answer) => answer.status === 'rejected');
    this.#seedFailures = isSeeding && isFailure ? this.#seedFailures + 1 : 0;
    if (failed !== undefined && isFailure) {
      const party = { server: 'the Redis cluster', user: this.#context.settings.username ?? 'default' };
      this.#viewFailure = explainConnectError(failed.reason, party);
      this.#isStale = true;
    }
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }

  /** A node that hangs keeps nobody from the answers of the others. */
  async #inTime(view: Promise<ClusterView>): Promise<ClusterView> {
    const { commandTimeoutMs } = this.#context.options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('Command timed out')), commandTimeoutMs);
    });
    try {
      return await Promise.race([view, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #askSeed(seed: RedisAddress): Promise<ClusterView> {
    const { settings, options } = this.#context;
    const client = await connectRedis({
      address: seed,
      username: settings.username,
      password: settings.password,
      passwordFile: settings.passwordFile,
      tls: settings.tls,
      connectTimeoutMs: options.connectTimeoutMs,
      commandTimeoutMs: options.commandTimeoutMs,
      signal: this.#abort.signal,
    });
    try {
      return await readClusterView(client, seed.host);
    } finally {
      destroyClient(client);
    }
  }

  #seedHost(): string {
    return this.#context.options.cluster?.[0]?.host ?? '127.0.0.1';
  }
}
