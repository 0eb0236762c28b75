import type { Redis } from 'ioredis';
import type { HeldChannel } from './held-channel.ts';
import { KeptConnection } from './kept-connection.ts';
import { LinkProbe, type ProbePlace } from './link-probe.ts';
import type { ReplacementReason } from './redis-broker-stats.ts';
import {
  explainConnectError,
  explainRedisError,
  RedisUnavailableError,
  replyCode,
  type RedisTrouble,
} from './redis-command-errors.ts';
import { dialRedis, type RedisLinkContext } from './dial-redis.ts';
import type { RedisAddress } from './redis-options.ts';
import { addressLabel } from './redis-settings.ts';
import { SubscriberLink } from './subscriber-link.ts';

/** Names of which a gap is told in one turn. */
const toldAtOnce = 250;

export interface RedisNodeHooks {
  onMessage(held: HeldChannel, payload: Buffer): void;
  onLive(names: readonly HeldChannel[]): void;
  /** These were live: nothing of them is delivered until they are so again. */
  onDropped(names: readonly HeldChannel[]): void;
  onRefused(held: HeldChannel, error: unknown): void;
  /** Something says that this node no longer serves what we thought: the view of the cluster is to be renewed. */
  onMoved(): void;
  /** It can be used again, or cannot any more. */
  onHealth(): void;
}

export interface RedisNodeOptions {
  readonly context: RedisLinkContext;
  readonly hooks: RedisNodeHooks;
  /** Where the server is, asked before every connection. */
  readonly locate: (signal: AbortSignal) => Promise<RedisAddress>;
  /** What the server is called until it has been found. */
  readonly label: string;
  /** Where the probe goes: on this server. undefined: nowhere until `moveProbe` says so. */
  readonly probe: ProbePlace | undefined;
}

/**
 * One primary: a command connection, a subscriber connection, and the proof that what is published over the one comes
 * back over the other.
 */
export class RedisNode {
  readonly commands: KeptConnection;
  readonly link: SubscriberLink;
  readonly #context: RedisLinkContext;
  readonly #hooks: RedisNodeHooks;
  readonly #locate: (signal: AbortSignal) => Promise<RedisAddress>;
  readonly #probe: LinkProbe;
  #label: string;
  /** Where each connection was made last. */
  readonly #found: { commands?: string; subscriber?: string } = {};
  /** Where commands were answered last. */
  #answered: string | undefined;
  #telling: NodeJS.Immediate | undefined;
  #failure: RedisUnavailableError | undefined;
  #isClosed = false;
  /** The trouble that the log has been told last, since it was well. */
  #logged: RedisTrouble | undefined;
  /** Only who is proven counts as up or down. */
  #isCounted: boolean;
  /** The command connection of the moment when a message to the other one was cut off. */
  #witness: Redis | undefined;

  constructor({ context, hooks, locate, label, probe }: RedisNodeOptions) {
    this.#context = context;
    this.#hooks = hooks;
    this.#locate = locate;
    this.#label = label;
    this.#failure = new RedisUnavailableError('unreachable', `Redis ${label} has not been reached yet`);
    this.#isCounted = probe !== undefined;
    if (this.#isCounted) context.stats.linksDown++;
    this.commands = new KeptConnection({
      open: (signal) => this.#open(signal, 'commands'),
      onReady: (_client, isAgain) => {
        if (isAgain) context.stats.commandReconnects++;
        if (this.#answered !== this.#found.commands && this.#answered !== undefined) this.#tellGaps();
        this.#answered = this.#found.commands;
        this.#probe.now();
      },
      onLost: (isReplaced) => this.#onLost(isReplaced),
      onFailed: (error) => this.#onFailed(error),
    });
    this.link = new SubscriberLink(
      {
        open: (signal) => this.#open(signal, 'subscriber'),
        onReady: (isAgain) => this.#onSubscriberReady(isAgain),
        onLost: (isReplaced, isCut) => {
          this.#witness = isCut ? this.commands.client : undefined;
          this.#onLost(isReplaced);
        },
        onFailed: (error) => this.#onFailed(error),
        onDropped: (names) => hooks.onDropped(names),
        onMessage: (held, payload) => hooks.onMessage(held, payload),
        onProbe: (token) => this.#probe.arrived(token),
        onProbeRefused: (error) => {
          this.#onProbeRefused(error);
          this.#probe.interrupt();
        },
        onLive: (names) => hooks.onLive(names),
        onRefused: (held, error) => hooks.onRefused(held, error),
        onMoved: () => hooks.onMoved(),
        onUnusable: (error) => {
          this.fail(this.explain(error));
          this.#replaceLink('subscribe-failed');
        },
      },
      { isSharded: context.isSharded, probeChannel: probe?.channel },
    );
    this.#probe = new LinkProbe({
      place: probe,
      script: context.scripts.probe,
      isSharded: context.isSharded,
      detectionMs: context.options.detectionMs,
      stats: context.stats,
      commands: () => this.commands.client,
      subscriber: () => this.link.connection.client,
      refusal: () => this.link.probeRefusal,
      onOutcome: ({ isAnswered, isHeard, error, deadlineMs }) => {
        if (error !== undefined) this.#onProbeRefused(error);
        else if (isAnswered && isHeard) this.#recover();
        else {
          const what = isAnswered
            ? `a publication did not come back within ${deadlineMs} ms`
            : `no answer within ${deadlineMs} ms`;
          this.fail(new RedisUnavailableError('silent', `${this.server} does not answer: ${what}`));
          if (!isAnswered) this.#replaceCommands('silent');
        }
        if (!isHeard) this.#replaceLink('silent');
      },
    });
  }

  /** `Redis 127.0.0.1:6379`, as messages call it. */
  get server(): string {
    return `Redis ${this.#label}`;
  }

  /** Why it cannot be relied on; undefined: the last proof held, and nothing has happened since. */
  get failure(): RedisUnavailableError | undefined {
    return this.#failure;
  }

  start(): void {
    this.commands.start();
    this.link.connection.start();
    this.#probe.start();
  }

  /** What an error of one of its commands means. */
  explain(error: unknown): RedisUnavailableError {
    return explainRedisError(error, this.#party());
  }

  /** Something else has shown that it cannot be relied on. */
  fail(failure: RedisUnavailableError): void {
    if (this.#isClosed) return;
    const before = this.#failure;
    this.#failure = failure;
    const { stats, log } = this.#context;
    if (before === undefined && this.#isCounted) {
      stats.linksUp--;
      stats.linksDown++;
    }
    if (this.#logged !== failure.trouble) {
      this.#logged = failure.trouble;
      log.warn({ event: 'redis-unavailable', trouble: failure.trouble }, failure.message);
    }
    if (before === undefined) this.#hooks.onHealth();
  }

  /** Somebody who knows says where the primary is: connections to another one are given up. */
  relocate(where: string): void {
    const { commands, subscriber } = this.#found;
    // They may be with different servers: each finds the primary by itself.
    const isCommands = this.commands.client !== undefined && commands !== where;
    const isLink = this.link.connection.client !== undefined && subscriber !== where;
    if (!isCommands && !isLink) return;
    const old = isCommands ? commands : subscriber;
    this.fail(new RedisUnavailableError('lost', `Redis ${old} is no longer the primary: that is ${where}`));
    if (isCommands) this.#replaceCommands('moved');
    if (isLink) this.#replaceLink('moved');
  }

  /** A command was answered READONLY: whoever is primary now, it is not this one. */
  demoted(failure: RedisUnavailableError): void {
    this.fail(failure);
    this.#replaceCommands('read-only');
    this.#replaceLink('read-only');
  }

  /** One proof more, besides the regular ones. @throws BrokerUnavailableError */
  async roundTrip(deadlineMs: number): Promise<number> {
    if (this.#failure !== undefined) throw this.#again(this.#failure);
    const { tookMs, error, isAnswered } = await this.#probe.attempt(deadlineMs);
    if (error !== undefined) {
      this.#onProbeRefused(error);
      throw this.explain(error);
    }
    if (tookMs !== undefined) return tookMs;
    // What happened meanwhile says more.
    if (this.#failure !== undefined) throw this.#again(this.#failure);
    const what = isAnswered
      ? `a publication did not come back within ${deadlineMs} ms`
      : `no answer within ${deadlineMs} ms`;
    throw new RedisUnavailableError('silent', `${this.server} does not answer: ${what}`);
  }

  /** What is under way is rejected now. */
  stopProbing(): void {
    this.#probe.close();
  }

  moveProbe(place: ProbePlace): void {
    if (!this.#isCounted) {
      this.#isCounted = true;
      this.#context.stats.linksDown++;
    }
    // SUBSCRIBE leaves before the probe.
    this.link.moveProbe(place.channel);
    this.#probe.move(place);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isCounted) {
      if (this.#failure === undefined) this.#context.stats.linksUp--;
      else this.#context.stats.linksDown--;
    }
    this.#probe.close();
    clearImmediate(this.#telling);
    await Promise.all([this.commands.close(), this.link.close()]);
  }

  #again(failure: RedisUnavailableError): RedisUnavailableError {
    return new RedisUnavailableError(failure.trouble, failure.message);
  }

  async #open(signal: AbortSignal, purpose: 'commands' | 'subscriber'): Promise<Redis> {
    const address = await this.#locate(signal);
    this.#label = this.#found[purpose] = addressLabel(address);
    return await dialRedis(this.#context, address, purpose, signal);
  }

  /**
   * Another server answers: what the one before said of histories may have been old already, also to who was live by
   * then and has asked. They ask again when they are told of a gap.
   */
  #tellGaps(): void {
    clearImmediate(this.#telling);
    const doubtful = this.link.doubt();
    const tell = (from: number): void => {
      const to = from + toldAtOnce;
      // Who was lost meanwhile is told when it is live again.
      this.#hooks.onLive(doubtful.slice(from, to).filter(({ isLive }) => isLive));
      if (to < doubtful.length) this.#telling = setImmediate(tell, to);
    };
    tell(0);
  }

  #onSubscriberReady(isAgain: boolean): void {
    const { stats, log } = this.#context;
    if (isAgain) stats.subscriberReconnects++;
    if (this.#witness !== undefined && this.#witness === this.commands.client) {
      // The server lives and has ended one connection of ours in the middle of a message: it does so to those who do
      // not read fast enough. (Redis counts them only since 7.2, and does not tell every user.)
      stats.slowConsumerDisconnects++;
      log.warn(
        { event: 'redis-slow-consumer', disconnects: stats.slowConsumerDisconnects },
        `${this.server} has ended our subscriber connection in the middle of a message: this worker reads more slowly ` +
          'than is published (client-output-buffer-limit pubsub)',
      );
    }
    this.#witness = undefined;
    this.#probe.now();
  }

  #onLost(isReplaced: boolean): void {
    this.#probe.interrupt();
    if (this.#isClosed || isReplaced) return;
    this.fail(new RedisUnavailableError('lost', `the connection to ${this.server} was lost`));
    this.#hooks.onMoved();
  }

  #onFailed(error: unknown): void {
    this.fail(explainConnectError(error, this.#party()));
    this.#hooks.onMoved();
  }

  #onProbeRefused(error: unknown): void {
    if (replyCode(error) === 'MOVED' || replyCode(error) === 'ASK') {
      this.#hooks.onMoved();
      return;
    }
    const failure = this.explain(error);
    if (failure.trouble === 'lost') return;
    if (failure.trouble === 'read-only') this.demoted(failure);
    else this.fail(failure);
    if (failure.trouble === 'cluster-down') this.#hooks.onMoved();
  }

  #recover(): void {
    if (this.#failure === undefined || this.#isClosed) return;
    this.#failure = undefined;
    this.#logged = undefined;
    const { stats, log } = this.#context;
    stats.linksDown--;
    stats.linksUp++;
    log.info({ event: 'redis-available' }, `${this.server} answers, and publications come back`);
    this.#hooks.onHealth();
  }

  #replaceCommands(reason: ReplacementReason): void {
    if (this.commands.client === undefined) return;
    this.#context.stats.replaced[reason]++;
    this.commands.replace();
  }

  #replaceLink(reason: ReplacementReason): void {
    if (this.link.connection.client === undefined) return;
    this.#context.stats.replaced[reason]++;
    this.link.connection.replace();
  }

  #party(): { server: string; user: string } {
    return { server: this.server, user: this.#context.settings.username ?? 'default' };
  }
}
