import { randomBytes } from 'node:crypto';
import {
  BrokerClosedError,
  BrokerUnavailableError,
  type PresenceCapability,
  type PresenceEvent,
  type PresenceMember,
  type PresencePage,
  type PresenceStats,
} from '../broker.ts';
import { idGenerator } from '../../lib/ids.ts';
import { decodeMember, encodeMember } from './payload-codec.ts';
import { PresenceFences } from './presence-fences.ts';
import { PresenceRounds } from './presence-rounds.ts';
import type { RedisContext } from './redis-context.ts';

/** Connection ids per call of a script. */
const batchIds = 200;
/** Names whose members leave at once when the broker closes. */
const batchNames = 64;
/** Most members of a page, and where a page ends early. */
const pageMembers = 10_000;
const pageBytes = 1024 * 1024;

export interface RedisPresenceOptions {
  /** How long a member is believed without being refreshed, in milliseconds. */
  readonly ttlMs: number;
  /** How long a page waits for its fence, in milliseconds. */
  readonly fenceDeadlineMs: number;
  /** Whether Redis has confirmed that this broker is subscribed to the name. */
  readonly isSubscribed: (name: string) => boolean;
  /** Gets the events of presence in their order. */
  readonly tell: (event: PresenceEvent) => void;
}

/**
 * Members in Redis, which this broker refreshes three times per `ttlMs`; whoever is not refreshed expires. In each
 * round a broker also removes the expired, in the names of its members and in those that it watches, and enters again
 * whom Redis has forgotten. So the members of a broker that died are gone after `ttlMs` and one third, as long as
 * somebody is there to see it.
 */
export class RedisPresence implements PresenceCapability {
  readonly #context: RedisContext;
  readonly #options: RedisPresenceOptions;
  /** Says whose a member is. */
  readonly #owner: string = randomBytes(9).toString('base64url');
  /** The members that this broker entered: name → connection id → member. */
  readonly #own = new Map<string, Map<string, PresenceMember>>();
  /** Names with members of which this broker has seen something while subscribed, and when: a growing number. */
  readonly #watched = new Map<string, number>();
  #seen = 0;
  readonly #fences: PresenceFences;
  readonly #rounds: PresenceRounds;
  readonly #periodMs: number;
  /** Until then nobody is found to have expired, on the clock of `performance.now`. */
  #graceUntilMs = 0;
  #isClosed = false;

  constructor(context: RedisContext, options: RedisPresenceOptions) {
    this.#context = context;
    this.#options = options;
    this.#fences = new PresenceFences(options.tell, idGenerator(), options.fenceDeadlineMs);
    this.#periodMs = options.ttlMs / 3;
    this.#rounds = new PresenceRounds(
      this.#periodMs,
      () => [...new Set([...this.#own.keys(), ...this.#watched.keys()])],
      (name) => this.#visit(name),
    );
  }

  /** Begins to refresh. */
  start(): void {
    this.#rounds.start();
  }

  async enter(name: string, member: PresenceMember): Promise<void> {
    this.#check();
    const { connectionId } = member;
    let members = this.#own.get(name);
    if (members === undefined) this.#own.set(name, (members = new Map<string, PresenceMember>()));
    const before = members.get(connectionId);
    members.set(connectionId, member);
    try {
      await this.#enter(name, member);
    } catch (error) {
      // Whoever called knows that it failed; it is not to appear later.
      if (this.#own.get(name)?.get(connectionId) === member) {
        if (before === undefined) this.#disown(name, connectionId);
        else members.set(connectionId, before);
      }
      throw error;
    }
  }

  async leave(name: string, connectionId: string): Promise<void> {
    this.#check();
    this.#disown(name, connectionId);
    await this.#leave(name, '', [connectionId]);
  }

  async members(name: string, limit: number, cursor: string = ''): Promise<PresencePage> {
    this.#check();
    if (!/^\d{0,15}$/.test(cursor)) return { members: [] };
    const { commands, names, scripts, publishCommand } = this.#context;
    const isSubscribed = this.#options.isSubscribed(name);
    if (isSubscribed) this.#watch(name);
    const token = isSubscribed ? this.#fences.open(name) : '';
    const most = limit >= 1 ? Math.min(Math.floor(limit), pageMembers) : 1;
    const args = [publishCommand, names.channelOf(name), this.#expires(), token, cursor || 0, most, pageBytes];
    let page: PresencePage;
    try {
      page = this.#page(name, await commands.run(scripts.presenceMembers, names.presenceKeys(name), args));
    } catch (error) {
      this.#fences.cancel(name, token);
      throw error;
    }
    return isSubscribed ? this.#fences.page(name, token, page) : page;
  }

  async stats(name: string): Promise<PresenceStats> {
    this.#check();
    const { commands, names, scripts, publishCommand } = this.#context;
    const args = [publishCommand, names.channelOf(name), this.#expires()];
    const reply = await commands.run(scripts.presenceStats, names.presenceKeys(name), args);
    const [connections, users] = listOf(reply);
    if (typeof connections !== 'number' || typeof users !== 'number') throw unexpected();
    return { connections, users };
  }

  /** An event came over the channel of a subscription. */
  event(event: PresenceEvent): void {
    if (event.type !== 'leave') this.#watch(event.subscription);
    this.#fences.event(event);
  }

  /** A fence came over the channel of a subscription. */
  fence(name: string, token: string): void {
    this.#fences.fence(name, token);
  }

  /** This broker is not subscribed to these names any more. */
  forget(names: readonly string[]): void {
    for (const name of names) this.#watched.delete(name);
    this.#fences.forget(names);
  }

  /** Nothing is received for these names; a gap will be told. */
  lost(names: readonly string[]): void {
    this.#fences.lost(names);
  }

  /**
   * Redis is there again after a fault. It may have forgotten members, and others may not have been able to refresh
   * theirs: all of ours are refreshed now, and it takes one period until anybody is found to have expired.
   */
  renew(): void {
    this.#graceUntilMs = performance.now() + this.#periodMs;
    this.#rounds.hurry();
  }

  /** The members of this broker leave, as far as Redis can be told; else they expire. Before the connections close. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#rounds.close();
    this.#fences.lost();
    const leaving = [...this.#own].map(([name, members]) => ({ name, ids: [...members.keys()] }));
    this.#own.clear();
    this.#watched.clear();
    try {
      for (const batch of batchesOf(leaving, batchNames)) {
        await Promise.all(
          batch.flatMap(({ name, ids }) =>
            batchesOf(ids, batchIds).map((some) => this.#leave(name, this.#owner, some)),
          ),
        );
      }
    } catch {
      // Redis is away: they expire.
    }
  }

  #check(): void {
    if (this.#isClosed) throw new BrokerClosedError();
  }

  #expires(): 0 | 1 {
    return performance.now() < this.#graceUntilMs ? 0 : 1;
  }

  #watch(name: string): void {
    this.#watched.set(name, ++this.#seen);
  }

  #disown(name: string, connectionId: string): void {
    const members = this.#own.get(name);
    members?.delete(connectionId);
    if (members?.size === 0) this.#own.delete(name);
  }

  async #enter(name: string, member: PresenceMember): Promise<void> {
    const { commands, names, scripts, publishCommand } = this.#context;
    const stored = encodeMember(member, this.#owner);
    const args = [publishCommand, names.channelOf(name), member.connectionId, stored, this.#options.ttlMs];
    await commands.run(scripts.presenceEnter, names.presenceKeys(name), args);
  }

  async #leave(name: string, owner: string, ids: readonly string[]): Promise<void> {
    const { commands, names, scripts, publishCommand } = this.#context;
    const args = [publishCommand, names.channelOf(name), owner, ...ids];
    await commands.run(scripts.presenceLeave, names.presenceKeys(name), args);
  }

  #page(name: string, reply: unknown): PresencePage {
    const [cursor, ...stored] = listOf(reply);
    if (!Buffer.isBuffer(cursor)) throw unexpected();
    const members = stored.flatMap((each) => {
      const member = Buffer.isBuffer(each) ? decodeMember(each) : undefined;
      if (member === undefined) this.#context.onMalformed(name, 'a stored member cannot be read');
      return member ?? [];
    });
    return cursor.length === 0 ? { members } : { members, cursor: cursor.toString() };
  }

  /** One name's part of a round. */
  async #visit(name: string): Promise<void> {
    try {
      const seen = this.#watched.get(name);
      // Copied: who comes or goes meanwhile is told from who was there.
      const members = [...(this.#own.get(name)?.values() ?? [])];
      let count = 0;
      for (const batch of members.length === 0 ? [[]] : batchesOf(members, batchIds)) {
        if (this.#isClosed) return;
        count = await this.#refresh(name, batch);
      }
      if (count === 0 && this.#watched.get(name) === seen) this.#watched.delete(name);
    } catch {
      // Redis is away, and others say so. The next round tries again.
    }
  }

  /** How many members the name has. */
  async #refresh(name: string, batch: readonly PresenceMember[]): Promise<number> {
    const { commands, names, scripts, publishCommand } = this.#context;
    const keys = names.presenceKeys(name);
    const head = [publishCommand, names.channelOf(name), this.#expires(), this.#owner, this.#options.ttlMs];
    const ids = batch.map(({ connectionId }) => connectionId);
    let [count, isMore, unknown, taken] = listOf(await commands.run(scripts.presenceRefresh, keys, [...head, ...ids]));
    const sent = new Map(batch.map((member) => [member.connectionId, member]));
    const isUnchanged = (id: string): boolean => this.#own.get(name)?.get(id) === sent.get(id);
    for (const id of listOf(taken).map(String)) if (isUnchanged(id)) this.#disown(name, id);
    const forgotten = listOf(unknown).map(String).filter(isUnchanged);
    if (forgotten.length > 0 && !this.#isClosed) {
      await Promise.all(forgotten.map((id) => this.#enter(name, sent.get(id) ?? { connectionId: id })));
      return forgotten.length;
    }
    while (isMore === 1 && !this.#isClosed) {
      [count, isMore] = listOf(await commands.run(scripts.presenceRefresh, keys, head));
    }
    return Number(count);
  }
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let next = 0; next < items.length; next += size) yield items.slice(next, next + size);
}

function batchesOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return [...chunks(items, size)];
}

function listOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? (reply as readonly unknown[]) : [];
}

function unexpected(): BrokerUnavailableError {
  return new BrokerUnavailableError('Redis answered a question about presence with something unexpected');
}
