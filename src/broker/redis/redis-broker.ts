import { randomUUID } from 'node:crypto';
import { silentLog, type Log } from '../../lib/log.ts';
import {
  BrokerClosedError,
  BrokerUnavailableError,
  type Broker,
  type BrokerSink,
  type HistoryCapability,
  type Position,
  type PresenceCapability,
  type ProbeCapability,
  type Publication,
  type PublishOptions,
} from '../broker.ts';
import { ControlSubscription } from '../control-subscription.ts';
import { ClusterServers } from './cluster-servers.ts';
import type { HeldChannel } from './held-channel.ts';
import type { ProbePlace } from './link-probe.ts';
import { loadScripts } from './load-scripts.ts';
import { decodePayload } from './payload-codec.ts';
import { OwnPublications } from './own-publications.ts';
import { PublishQueue } from './publish-queue.ts';
import { RedisBrokerStats } from './redis-broker-stats.ts';
import { RedisUnavailableError } from './redis-command-errors.ts';
import type { RedisContext } from './redis-context.ts';
import { RedisExecutor } from './redis-executor.ts';
import { RedisHistory } from './redis-history.ts';
import { RedisNames } from './redis-names.ts';
import type { RedisLinkContext } from './dial-redis.ts';
import type { RedisNode } from './redis-node.ts';
import type { RedisOptions } from './redis-options.ts';
import { RedisPresence } from './redis-presence.ts';
import { RedisPublish } from './redis-publish.ts';
import type { RedisServers } from './redis-servers.ts';
import { redisSettings } from './redis-settings.ts';
import { slotOf } from './redis-slot.ts';
import { RedisSubscriptions } from './redis-subscriptions.ts';
import { SingleServer } from './single-server.ts';

export interface RedisBrokerParts {
  readonly log?: Log;
}

/** Malformed payloads are logged at most so often, in milliseconds; all are counted. */
const malformedLogMs = 60_000;

/** Carries publications through Redis: a standalone server, the primary of Sentinel, or a cluster. */
export class RedisBroker implements Broker {
  readonly history: HistoryCapability;
  readonly presence: PresenceCapability;
  readonly control: ControlSubscription = new ControlSubscription(this);
  readonly probe: ProbeCapability;
  /** What the metrics read. */
  readonly stats: RedisBrokerStats = new RedisBrokerStats();
  readonly #options: RedisOptions;
  readonly #log: Log;
  readonly #servers: RedisServers;
  readonly #executor: RedisExecutor;
  readonly #subscriptions: RedisSubscriptions;
  readonly #history: RedisHistory;
  readonly #presence: RedisPresence;
  readonly #publisher: RedisPublish;
  readonly #own = new OwnPublications((name) => this.#subscriptions.isLive(name));
  readonly #queue: PublishQueue | undefined;
  readonly #startWaiters = new Set<() => void>();
  #sink: BrokerSink | undefined;
  #closing: Promise<void> | undefined;
  #isStarted = false;
  /** It was healthy once, and is not so now. */
  #isRecovering = false;
  #malformedLoggedMs = -malformedLogMs;

  /**
   * Connects with `start`, not before.
   * @throws TypeError, RangeError where the options cannot be: a URL that is none, a prefix with braces
   */
  constructor(options: RedisOptions, { log = silentLog }: RedisBrokerParts = {}) {
    this.#options = options;
    this.#log = log;
    const names = new RedisNames(options);
    const scripts = loadScripts();
    const isSharded = options.cluster !== undefined;
    const link: RedisLinkContext = {
      options,
      settings: redisSettings(options),
      scripts,
      isSharded,
      stats: this.stats,
      log,
    };
    this.#subscriptions = new RedisSubscriptions({
      servers: () => this.#servers,
      channelOf: (name) => names.channelOf(name),
      timeoutMs: options.commandTimeoutMs + options.detectionMs,
      stats: this.stats,
      log,
      onGap: (missed) => this.#onGap(missed),
      onDropped: (dropped) => this.#presence.lost(dropped),
      onHealth: () => this.#onHealth(),
    });
    this.#servers = this.#makeServers(link, names);
    this.#executor = new RedisExecutor({
      servers: this.#servers,
      commandTimeoutMs: options.commandTimeoutMs,
      stats: this.stats,
    });
    const context: RedisContext = {
      commands: this.#executor,
      names,
      scripts,
      publishCommand: isSharded ? 'SPUBLISH' : 'PUBLISH',
      own: this.#own,
      onMalformed: (name, problem) => this.#onMalformed(name, problem),
    };
    this.#publisher = new RedisPublish(context);
    this.#history = new RedisHistory(context);
    this.#presence = new RedisPresence(context, {
      ttlMs: options.presenceTtl * 1_000,
      fenceDeadlineMs: options.commandTimeoutMs,
      isSubscribed: (name) => this.#subscriptions.isLive(name),
      tell: (event) => {
        if (this.#subscriptions.isLive(event.subscription)) this.#sink?.presence(event);
      },
    });
    if (options.publishQueue !== undefined) {
      this.#queue = new PublishQueue(options.publishQueue, {
        send: (publication, how) => this.#publisher.publish(publication, how),
        failureOf: (name) => {
          const slot = isSharded ? slotOf(names.channelOf(name)) : 0;
          return this.#servers.nodeOf(slot)?.failure;
        },
        stats: this.stats,
      });
    }
    this.presence = this.#presence;
    this.history = { read: (name, query) => this.#whenOpen(() => this.#history.read(name, query)) };
    this.probe = { roundTrip: (deadlineMs) => this.#whenOpen(() => this.#roundTrip(deadlineMs)) };
  }

  /** @throws BrokerUnavailableError when Redis cannot be used within the connect and the command timeout; it is closed then */
  async start(sink: BrokerSink): Promise<void> {
    if (this.#closing !== undefined) throw new BrokerClosedError();
    this.#sink = sink;
    this.#servers.start();
    const { connectTimeoutMs, commandTimeoutMs } = this.#options;
    if (!(await this.#isHealthyWithin(connectTimeoutMs + commandTimeoutMs))) {
      if (this.#closing !== undefined) throw new BrokerClosedError();
      const failure = this.#servers.failure;
      await this.close();
      throw failure ?? new BrokerUnavailableError('Redis has not been reached');
    }
    this.#isStarted = true;
    this.#presence.start();
  }

  async subscribe(names: readonly string[]): Promise<void> {
    this.#check();
    await this.#subscriptions.subscribe(names);
  }

  async unsubscribe(names: readonly string[]): Promise<void> {
    this.#check();
    this.#subscriptions.unsubscribe(names);
    this.#presence.forget(names);
    this.#own.forget(names);
  }

  async publish(publication: Publication, options?: PublishOptions): Promise<Position | undefined> {
    this.#check();
    try {
      const position = await (this.#queue ?? this.#publisher).publish(publication, options);
      this.stats.publishesAccepted++;
      return position;
    } catch (error) {
      const { publishesRejected } = this.stats;
      const trouble = troubleOf(error);
      publishesRejected[trouble] = (publishesRejected[trouble] ?? 0) + 1;
      throw error;
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#subscriptions.close(new BrokerClosedError());
    for (const node of this.#servers.proven) node.stopProbing();
    for (const wake of this.#startWaiters) wake();
    this.#queue?.close();
    // What is under way is let through; what does not come to an end is cut off, and rejected.
    const timer = setTimeout(() => this.#executor.close(), this.#options.commandTimeoutMs);
    await this.#presence.close();
    await this.#executor.idle();
    clearTimeout(timer);
    this.#executor.close();
    await this.#servers.close();
  }

  #makeServers(link: RedisLinkContext, names: RedisNames): RedisServers {
    // Of this broker alone: what others publish proves nothing of it.
    const id = randomUUID();
    const probePlace = (tag: string): ProbePlace => names.probePlace(tag, id);
    const onMessage = (held: HeldChannel, payload: Buffer): void => this.#receive(held, payload);
    const onLive = (channels: readonly HeldChannel[]): void => this.#subscriptions.live(channels);
    const onHealth = (): void => this.#onHealth();
    const onDropped = (dropped: readonly HeldChannel[]): void => this.#subscriptions.dropped(dropped);
    const onRefused = (held: HeldChannel, node: RedisNode, error: unknown): void =>
      this.#subscriptions.refused(held, node, error);
    if (link.isSharded) {
      const onRouted = (): void => this.#subscriptions.reroute();
      return new ClusterServers(link, { onMessage, onLive, onHealth, onDropped, onRefused, onRouted }, probePlace);
    }
    return new SingleServer(
      link,
      { onMessage, onLive, onHealth, onDropped, onRefused, onRouted: () => {} },
      probePlace,
    );
  }

  #check(): void {
    if (this.#closing !== undefined) throw new BrokerClosedError();
    if (this.#sink === undefined) throw new BrokerUnavailableError('the broker has not been started');
  }

  async #whenOpen<T>(call: () => Promise<T>): Promise<T> {
    this.#check();
    try {
      return await call();
    } catch (error) {
      if (this.#closing !== undefined) throw new BrokerClosedError();
      throw error;
    }
  }

  #receive(held: HeldChannel, payload: Buffer): void {
    const { name } = held;
    const decoded = decodePayload(name, payload);
    switch (decoded.type) {
      case 'publication':
        if (this.control.takes(decoded.publication)) return;
        this.stats.deliveries++;
        this.#sink?.deliver(this.#dated(decoded.publication));
        return;
      case 'presence':
        this.#presence.event(decoded.event);
        return;
      case 'fence':
        this.#presence.fence(name, decoded.token);
        return;
      case 'malformed':
        this.#onMalformed(name, decoded.problem);
    }
  }

  /** What came without its time, with it where this broker knows it. */
  #dated(publication: Publication): Publication {
    if (publication.publishedMs !== undefined) return publication;
    const publishedMs = this.#own.publishedMs(publication.subscription, publication.data);
    return publishedMs === undefined ? publication : { ...publication, publishedMs };
  }

  #onGap(missed: readonly string[]): void {
    this.#own.forget(missed);
    const told = missed.filter((name) => !this.control.owns(name));
    if (told.length > 0) this.#sink?.gap(told);
  }

  #onMalformed(name: string, problem: string): void {
    this.stats.malformed++;
    const nowMs = performance.now();
    if (nowMs - this.#malformedLoggedMs < malformedLogMs) return;
    this.#malformedLoggedMs = nowMs;
    this.#log.warn(
      { event: 'redis-malformed', subscription: name, malformed: this.stats.malformed },
      `a payload of Redis was skipped: ${problem}`,
    );
  }

  #onHealth(): void {
    const isHealthy = this.#servers.failure === undefined;
    if (isHealthy && this.#isRecovering) this.#presence.renew();
    this.#isRecovering = !isHealthy && (this.#isRecovering || this.#isStarted);
    if (isHealthy) for (const wake of this.#startWaiters) wake();
    this.#queue?.look();
  }

  async #isHealthyWithin(deadlineMs: number): Promise<boolean> {
    if (this.#servers.failure === undefined) return true;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#startWaiters.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, deadlineMs);
      this.#startWaiters.add(wake);
    });
    return this.#closing === undefined && this.#servers.failure === undefined;
  }

  /** Over all servers; the longest counts. */
  async #roundTrip(deadlineMs: number): Promise<number> {
    const failure = this.#servers.failure ?? this.#subscriptions.failure;
    if (failure !== undefined) throw new RedisUnavailableError(failure.trouble, failure.message);
    const tookMs = await Promise.all([...this.#servers.proven].map((node) => node.roundTrip(deadlineMs)));
    // Closing ends what is under way, at whatever it has come to.
    if (this.#closing !== undefined) throw new BrokerClosedError();
    return Math.max(0, ...tookMs);
  }
}

function troubleOf(error: unknown): keyof RedisBrokerStats['publishesRejected'] {
  if (error instanceof RedisUnavailableError) return error.trouble;
  if (error instanceof Error && error.cause instanceof RedisUnavailableError) return error.cause.trouble;
  return 'other';
}
