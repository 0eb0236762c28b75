import type { Log } from '../../lib/log.ts';
import { HeldChannel, type SubscribeCall } from './held-channel.ts';
import type { RedisBrokerStats } from './redis-broker-stats.ts';
import { RedisUnavailableError, replyCode } from './redis-command-errors.ts';
import type { RedisNode } from './redis-node.ts';
import type { RedisServers } from './redis-servers.ts';
import { slotOf } from './redis-slot.ts';
import type { SubscriberLink } from './subscriber-link.ts';

/** Before a name is tried again that was subscribed and is forbidden now, in milliseconds. */
const forbiddenRetryMs = 5_000;

/** Before the log is told of the first one, in milliseconds, so that it is told of all. */
const forbiddenLogMs = 250;

export interface RedisSubscriptionsOptions {
  readonly servers: () => RedisServers;
  readonly channelOf: (name: string) => string;
  /** How long `subscribe` waits for Redis, in milliseconds. */
  readonly timeoutMs: number;
  readonly stats: RedisBrokerStats;
  readonly log: Log;
  readonly onGap: (names: readonly string[]) => void;
  /** Nothing is delivered for these until the gap is told. */
  readonly onDropped: (names: readonly string[]) => void;
  /** `failure` has come or gone. */
  readonly onHealth: () => void;
}

/** The names that the broker is subscribed to, and which server's link holds each. */
export class RedisSubscriptions {
  readonly #options: RedisSubscriptionsOptions;
  /** Wanted ones. */
  readonly #names = new Map<string, HeldChannel>();
  readonly #calls = new Set<SubscribeCall>();
  /** Those that were live once and that Redis forbids now, with how it says so. */
  readonly #forbidden = new Map<HeldChannel, string>();
  #forbiddenLog: NodeJS.Timeout | undefined;
  #isForbiddenLogged = false;
  #isClosed = false;

  constructor(options: RedisSubscriptionsOptions) {
    this.#options = options;
  }

  /** Resolves when Redis has confirmed all of them. */
  subscribe(names: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const joined: HeldChannel[] = [];
      let remaining = 1;
      const over = (): void => {
        clearTimeout(timer);
        this.#calls.delete(call);
      };
      const call: SubscribeCall = {
        settle: () => {
          if (--remaining > 0) return;
          over();
          resolve();
        },
        fail: (error) => {
          over();
          for (const held of joined) this.#abandon(held, call);
          reject(error);
        },
      };
      const timer = setTimeout(() => call.fail(this.#late()), this.#options.timeoutMs);
      this.#calls.add(call);
      for (const name of names) {
        const held = this.#want(name);
        if (held.isLive) continue;
        // Perhaps it is allowed again; if not, Redis says so at once.
        if (this.#forbidden.has(held) && held.state === 'queued') held.link?.hold(held);
        remaining++;
        held.waiters.push(call);
        joined.push(held);
      }
      call.settle();
    });
  }

  unsubscribe(names: readonly string[]): void {
    for (const name of names) {
      const held = this.#names.get(name);
      if (held !== undefined) this.#leave(held);
    }
  }

  /** Whether what arrives for it is delivered. */
  isLive(name: string): boolean {
    return this.#names.get(name)?.isLive === true;
  }

  /** Why names that were subscribed are not any more, though Redis is well; undefined: there is none. */
  get failure(): RedisUnavailableError | undefined {
    for (const [{ name }, says] of this.#forbidden) {
      const others = this.#forbidden.size - 1;
      const which = others === 0 ? '' : ` and ${others} more`;
      const message = `${says} (subscription ${JSON.stringify(name)}${which}, subscribed until now)`;
      return new RedisUnavailableError('refused-user', message);
    }
    return undefined;
  }

  /** The slots have got other nodes: every name goes to the link that serves it now. */
  reroute(): void {
    const dropped: HeldChannel[] = [];
    for (const held of this.#names.values()) {
      const link = this.#linkOf(held);
      if (link === held.link) continue;
      held.link?.forget(held);
      if (held.lose()) dropped.push(held);
      held.link = link;
      link?.hold(held);
    }
    if (dropped.length > 0) this.dropped(dropped);
  }

  /** These are not live any more. */
  dropped(channels: readonly HeldChannel[]): void {
    this.#options.onDropped(channels.map(({ name }) => name));
  }

  /** Redis has confirmed these. */
  live(channels: readonly HeldChannel[]): void {
    const missed: string[] = [];
    for (const held of channels) {
      if (held.tellGap()) missed.push(held.name);
      this.#permit(held);
    }
    if (missed.length > 0) {
      this.#options.stats.resubscribedNames += missed.length;
      this.#options.onGap(missed);
    }
    for (const held of channels) settleAll(held);
  }

  /** Redis has not taken this one. */
  refused(held: HeldChannel, node: RedisNode, error: unknown): void {
    const servers = this.#options.servers();
    if (replyCode(error) === 'MOVED' && error instanceof Error) {
      const address = error.message.split(' ')[2];
      if (address !== undefined) servers.moved(held.slot, address);
    } else if (replyCode(error) === 'NOPERM') {
      const failure = node.explain(error);
      // One that was never live is its caller's concern only: anybody may ask for a name that is forbidden.
      if (held.isGapDue) this.#forbid(held, failure.message);
      for (const call of held.waiters.splice(0)) call.fail(failure);
    } else servers.refresh();
    if (!held.isWanted || held.link !== node.link) return;
    if (replyCode(error) === 'NOPERM') node.link.retry(held, forbiddenRetryMs);
    else node.link.retry(held);
  }

  close(error: Error): void {
    this.#isClosed = true;
    for (const call of this.#calls) call.fail(error);
    clearTimeout(this.#forbiddenLog);
    for (const held of this.#names.values()) held.leave();
    this.#names.clear();
    this.#forbidden.clear();
    this.#options.stats.subscriptions = 0;
  }

  #want(name: string): HeldChannel {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const channel = this.#options.channelOf(name);
    const servers = this.#options.servers();
    const slot = servers.isSharded ? slotOf(channel) : 0;
    const held = new HeldChannel({ name, channel, slot }, this.#options.stats);
    this.#names.set(name, held);
    this.#options.stats.subscriptions = this.#names.size;
    held.link = this.#linkOf(held);
    held.link?.hold(held);
    return held;
  }

  #linkOf(held: HeldChannel): SubscriberLink | undefined {
    return this.#options.servers().nodeOf(held.slot)?.link;
  }

  #leave(held: HeldChannel): void {
    this.#names.delete(held.name);
    this.#options.stats.subscriptions = this.#names.size;
    held.leave();
    held.link?.leave(held);
    this.#permit(held);
    settleAll(held);
  }

  /** This call has given up. A name that was never live, and that nobody else waits for, is not subscribed then. */
  #abandon(held: HeldChannel, call: SubscribeCall): void {
    const at = held.waiters.indexOf(call);
    if (at !== -1) held.waiters.splice(at, 1);
    const isCurrent = this.#names.get(held.name) === held;
    if (isCurrent && held.waiters.length === 0 && !held.isLive && !held.isGapDue && !this.#isClosed) this.#leave(held);
  }

  #forbid(held: HeldChannel, says: string): void {
    const isFirst = this.#forbidden.size === 0;
    this.#forbidden.set(held, says);
    if (!isFirst) return;
    this.#options.onHealth();
    this.#forbiddenLog ??= setTimeout(() => {
      this.#forbiddenLog = undefined;
      const { failure } = this;
      if (failure === undefined || this.#isForbiddenLogged) return;
      this.#isForbiddenLogged = true;
      this.#options.log.warn({ event: 'redis-forbidden', names: this.#forbidden.size }, failure.message);
    }, forbiddenLogMs);
  }

  /** It is live, or was left. */
  #permit(held: HeldChannel): void {
    if (!this.#forbidden.delete(held) || this.#forbidden.size > 0) return;
    if (this.#isForbiddenLogged) {
      this.#options.log.info({ event: 'redis-permitted' }, 'no subscription is forbidden by Redis any more');
    }
    this.#isForbiddenLogged = false;
    this.#options.onHealth();
  }

  #late(): Error {
    const { timeoutMs, servers } = this.#options;
    const failure = servers().failure;
    if (failure !== undefined) return new RedisUnavailableError(failure.trouble, failure.message);
    return new RedisUnavailableError('silent', `Redis has not confirmed a subscription within ${timeoutMs} ms`);
  }
}

function settleAll(held: HeldChannel): void {
  if (held.waiters.length === 0) return;
  for (const call of held.waiters.splice(0)) call.settle();
}
