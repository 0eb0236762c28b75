import type { Redis } from 'ioredis';
import { RingQueue } from '../../lib/ring-queue.ts';
import { Departures } from './departures.ts';
import { bySlot, type HeldChannel } from './held-channel.ts';
import { KeptConnection } from './kept-connection.ts';
import { replyCode } from './redis-command-errors.ts';
import { shardChannels } from './shard-channels.ts';

/** Names of one SUBSCRIBE. Redis answers each by a push of its own, so that a batch is some milliseconds of parsing. */
const batchNames = 250;

/** Names of which the confirmation is awaited at a time. */
const windowNames = 500;

/** Before a name that Redis did not take is tried again, in milliseconds. */
const retryMs = 200;

/** Before the probe's channel is, in milliseconds. */
const probeRetryMs = 500;

/** Which part of the time may be spent looking for what Redis has dropped: each look goes over all names. */
const lookShare = 0.05;

/** What a SUBSCRIBE is refused with for a reason that is its own, or passes: the connection is as good as before. */
const refusals: ReadonlySet<string | undefined> = new Set([
  'MOVED',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'NOPERM',
  'BUSY',
  'LOADING',
]);

export interface SubscriberLinkHooks {
  open(signal: AbortSignal): Promise<Redis>;
  /** A new connection; names are subscribed from here on. */
  onReady(isAgain: boolean): void;
  /** @param isCut it was ended by the other side in the middle of a message */
  onLost(isReplaced: boolean, isCut: boolean): void;
  onFailed(error: unknown): void;
  /** These were live: nothing of them is delivered until they are so again. */
  onDropped(names: readonly HeldChannel[]): void;
  onMessage(held: HeldChannel, payload: Buffer): void;
  onProbe(token: Buffer): void;
  /** Redis does not take the probe's channel; it is sent again. */
  onProbeRefused(error: unknown): void;
  /** Redis has confirmed these names; what arrives for them is delivered from here on. */
  onLive(names: readonly HeldChannel[]): void;
  /** Redis does not take this name (`refusals`). It is not sent again before somebody says so. */
  onRefused(held: HeldChannel, error: unknown): void;
  /** A slot was taken from this server, perhaps for a moment, and its names with it. */
  onMoved(): void;
  /** A SUBSCRIBE failed for no reason that another one would not fail for. */
  onUnusable(error: unknown): void;
}

/**
 * One subscriber connection to one server, with the channels it is to hold. What is to be held is truth here; the
 * connection follows it, and when there is a new one all of it is subscribed again, in batches.
 */
export class SubscriberLink {
  readonly connection: KeptConnection;
  readonly #hooks: SubscriberLinkHooks;
  readonly #isSharded: boolean;
  readonly #channels = new Map<string, HeldChannel>();
  #queue = new RingQueue<HeldChannel>();
  #inFlight = 0;
  #isPumping = false;
  #probeChannel: string | undefined;
  #probeRefusal: unknown;
  #probeRetry: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  /** The next one is not before, on the clock of `performance.now`. */
  #nextLookMs = 0;
  readonly #departures: Departures;
  readonly #retries = new Map<HeldChannel, NodeJS.Timeout>();
  #lastChunk: Buffer | undefined;

  constructor(
    hooks: SubscriberLinkHooks,
    { isSharded, probeChannel }: { isSharded: boolean; probeChannel: string | undefined },
  ) {
    this.#hooks = hooks;
    this.#isSharded = isSharded;
    this.#probeChannel = probeChannel;
    this.#departures = new Departures({
      isSharded,
      client: () => this.connection.client,
      isHeld: (channel) => this.#channels.has(channel),
      forget: (held) => this.forget(held),
    });
    this.connection = new KeptConnection({
      open: (signal) => this.#open(signal),
      onReady: (client, isAgain) => this.#onReady(client, isAgain),
      onLost: (isReplaced) => this.#onLost(isReplaced),
      onFailed: (error) => hooks.onFailed(error),
    });
  }

  /** What the probe's channel was refused with when it was last sent; undefined: nothing. */
  get probeRefusal(): unknown {
    return this.#probeRefusal;
  }

  /** It is to be held here and to be live as soon as Redis has confirmed it (again). */
  hold(held: HeldChannel): void {
    this.#departures.delete(held);
    this.#channels.set(held.channel, held);
    this.#cancelRetry(held);
    this.#enqueue(held);
  }

  /** It has been left: nothing of it is delivered any more. Redis is told a little later. */
  leave(held: HeldChannel): void {
    if (held.state === 'queued' && held.batch === undefined) {
      this.forget(held);
      return;
    }
    this.#departures.add(held);
  }

  /** Somebody else holds it now, or Redis has never heard of it. */
  forget(held: HeldChannel): void {
    this.#departures.delete(held);
    this.#cancelRetry(held);
    if (this.#channels.get(held.channel) === held) this.#channels.delete(held.channel);
  }

  /** Sends a refused name once more, a little later. */
  retry(held: HeldChannel, pauseMs: number = retryMs): void {
    this.#cancelRetry(held);
    const timer = setTimeout(() => {
      this.#retries.delete(held);
      if (this.#channels.get(held.channel) === held && held.state === 'queued') this.#enqueue(held);
    }, pauseMs);
    this.#retries.set(held, timer);
  }

  /** The probe is to come back over another channel: its slot has moved. */
  moveProbe(channel: string): void {
    this.#probeChannel = channel;
    const { client } = this.connection;
    if (client !== undefined) this.#subscribeProbe(client);
  }

  /** Something may have been missed of what is live, though it was not lost. @returns those of whom it is to be told */
  doubt(): HeldChannel[] {
    return [...this.#channels.values()].filter((held) => held.doubt());
  }

  async close(): Promise<void> {
    this.#departures.close();
    clearTimeout(this.#probeRetry);
    clearTimeout(this.#look);
    for (const timer of this.#retries.values()) clearTimeout(timer);
    await this.connection.close();
  }

  async #open(signal: AbortSignal): Promise<Redis> {
    const client = await this.#hooks.open(signal);
    const receive = (channel: Buffer, payload: Buffer): void => this.#onMessage(client, channel, payload);
    client.on(this.#isSharded ? 'smessageBuffer' : 'messageBuffer', receive);
    client.on('moved', () => this.#onMoved(client));
    this.#lastChunk = undefined;
    client.stream.on('data', (chunk: Buffer) => {
      if (this.connection.client === client) this.#lastChunk = chunk;
    });
    return client;
  }

  #onReady(client: Redis, isAgain: boolean): void {
    this.#inFlight = 0;
    this.#queue = new RingQueue();
    this.#departures.forgetAll();
    this.#subscribeProbe(client);
    for (const held of this.#channels.values()) this.#enqueue(held);
    this.#hooks.onReady(isAgain);
  }

  #onLost(isReplaced: boolean): void {
    clearTimeout(this.#look);
    clearTimeout(this.#probeRetry);
    this.#look = undefined;
    this.#probeRefusal = undefined;
    this.#hooks.onDropped([...this.#channels.values()].filter((held) => held.lose()));
    const chunk = this.#lastChunk;
    this.#lastChunk = undefined;
    // Every message of Redis ends so (RESP).
    const isCut = chunk !== undefined && chunk.length > 1 && chunk.toString('latin1', chunk.length - 2) !== '\r\n';
    this.#hooks.onLost(isReplaced, isCut && !isReplaced);
  }

  /** ioredis says this when Redis has dropped a channel, once per channel, and when it answers MOVED. */
  #onMoved(client: Redis): void {
    if (this.connection.client !== client) return;
    this.#hooks.onMoved();
    // Behind all that came with it, also the confirmations.
    this.#look ??= setTimeout(
      () => {
        this.#look = undefined;
        const beganMs = performance.now();
        this.#findDropped(client);
        this.#nextLookMs = beganMs + (performance.now() - beganMs) / lookShare;
      },
      Math.max(0, this.#nextLookMs - performance.now()),
    );
  }

  /**
   * What Redis holds no more is lost, whoever serves its slot now: perhaps again this server. If another does, the
   * answer to the next SUBSCRIBE says so.
   */
  #findDropped(client: Redis): void {
    if (this.connection.client !== client) return;
    const isSubscribed = shardChannels(client) ?? ((): boolean => false);
    const dropped: HeldChannel[] = [];
    for (const held of this.#channels.values()) {
      if (held.state !== 'held' || !held.isWanted || isSubscribed(held.channel)) continue;
      if (held.lose()) dropped.push(held);
      this.#enqueue(held);
    }
    if (this.#probeChannel !== undefined && !isSubscribed(this.#probeChannel)) this.#subscribeProbe(client);
    if (dropped.length > 0) this.#hooks.onDropped(dropped);
  }

  #onMessage(client: Redis, channel: Buffer, payload: Buffer): void {
    if (this.connection.client !== client) return;
    const key = channel.toString();
    const held = this.#channels.get(key);
    if (held !== undefined) {
      if (held.isLive) this.#hooks.onMessage(held, payload);
    } else if (key === this.#probeChannel) this.#hooks.onProbe(payload);
  }

  #enqueue(held: HeldChannel): void {
    held.state = 'queued';
    // A new connection begins with all that is to be held: until then nothing is kept of who comes and goes.
    if (this.connection.client === undefined) return;
    this.#queue.push(held);
    if (this.#isPumping) return;
    this.#isPumping = true;
    // What is asked for within one turn leaves in one command.
    setImmediate(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    const { client } = this.connection;
    while (client !== undefined && this.#inFlight < windowNames) {
      const batch: HeldChannel[] = [];
      const isLater = new Set<HeldChannel>();
      for (let held; batch.length < batchNames && (held = this.#queue.shift()) !== undefined;) {
        const isDue = held.state === 'queued' && held.isWanted && this.#channels.get(held.channel) === held;
        if (isDue && !isLater.has(held)) {
          isLater.add(held);
          batch.push(held);
        }
      }
      if (batch.length === 0) return;
      if (!this.#isSharded) this.#send(client, batch);
      else for (const part of bySlot(batch)) this.#send(client, part);
    }
  }

  #send(client: Redis, batch: readonly HeldChannel[]): void {
    this.#inFlight += batch.length;
    for (const held of batch) {
      held.state = 'sent';
      held.batch = batch;
    }
    const channels = batch.map(({ channel }) => channel);
    this.#subscribe(client, channels).then(
      () => this.#confirmed(client, batch),
      (error: unknown) => this.#refused(client, batch, error),
    );
  }

  #subscribe(client: Redis, channels: readonly string[]): Promise<unknown> {
    return this.#isSharded ? client.ssubscribe(...channels) : client.subscribe(...channels);
  }

  /**
   * Runs after all of the chunk that the confirmation came in: what else was in it is not delivered. For a new name it
   * was published before `subscribe` was resolved; for an old one it is part of the gap.
   */
  #confirmed(client: Redis, batch: readonly HeldChannel[]): void {
    if (this.connection.client !== client) return;
    this.#inFlight -= batch.length;
    const live = batch.filter((held) => held.batch === batch && held.state === 'sent');
    for (const held of live) held.confirm();
    this.#hooks.onLive(live.filter((held) => held.isWanted));
    this.#pump();
  }

  #refused(client: Redis, batch: readonly HeldChannel[], error: unknown): void {
    if (this.connection.client !== client) return;
    this.#inFlight -= batch.length;
    const due = batch.filter((held) => held.batch === batch && held.state === 'sent');
    for (const held of due) held.state = 'queued';
    const wanted = due.filter((held) => held.isWanted);
    const code = replyCode(error);
    if (!refusals.has(code)) {
      this.#failed(client, error);
      return;
    }
    if (code === 'NOPERM' && batch.length > 1) {
      // One that is forbidden takes the others of its command with it.
      const half = Math.ceil(wanted.length / 2);
      for (const part of [wanted.slice(0, half), wanted.slice(half)]) if (part.length > 0) this.#send(client, part);
    } else for (const held of wanted) this.#hooks.onRefused(held, error);
    this.#pump();
  }

  #failed(client: Redis, error: unknown): void {
    if (this.connection.client === client) this.#hooks.onUnusable(error);
  }

  #subscribeProbe(client: Redis): void {
    const channel = this.#probeChannel;
    if (channel === undefined) return;
    clearTimeout(this.#probeRetry);
    const isCurrent = (): boolean => this.connection.client === client && this.#probeChannel === channel;
    this.#subscribe(client, [channel]).then(
      () => {
        if (isCurrent()) this.#probeRefusal = undefined;
      },
      (error: unknown) => {
        if (!isCurrent()) return;
        if (!refusals.has(replyCode(error))) {
          this.#failed(client, error);
          return;
        }
        this.#probeRefusal = error;
        clearTimeout(this.#probeRetry);
        this.#probeRetry = setTimeout(() => {
          if (isCurrent()) this.#subscribeProbe(client);
        }, probeRetryMs);
        this.#hooks.onProbeRefused(error);
      },
    );
  }

  #cancelRetry(held: HeldChannel): void {
    clearTimeout(this.#retries.get(held));
    this.#retries.delete(held);
  }
}
