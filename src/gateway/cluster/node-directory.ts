import { reservedPrefix, type PresenceCapability, type PresenceMember } from '../../broker/broker.ts';
import { idGenerator } from '../../lib/ids.ts';
import type { Log } from '../../lib/log.ts';
import type { Severities } from '../../lib/severities.ts';
import { CapabilityError } from '../errors.ts';
import { describeWorker, nodesOf, type NodeFacts, type NodeIdentity } from './node-facts.ts';

/** Whose members are the workers of the cluster. */
const directory = `${reservedPrefix}nodes`;
const updateEveryMs = 5_000;
/** Members a page of the listing. */
const pageMembers = 1_000;

export interface NodeDirectoryParts {
  /** Of the broker. undefined: this worker is not entered anywhere, and nobody can be listed. */
  readonly presence: PresenceCapability | undefined;
  readonly identity: NodeIdentity;
  readonly severities: Severities;
  readonly load: () => { readonly connections: number; readonly subscriptions: number };
  readonly log: Log;
}

/**
 * Who is in the cluster. Every worker enters itself and says every few seconds how it is; that it lives at all is the
 * broker's presence to keep up, and the listing is read from there: no worker is ever asked.
 */
export class NodeDirectory {
  readonly #parts: NodeDirectoryParts;
  readonly #id = idGenerator()();
  readonly #startedAt = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;
  #updating: Promise<void> | undefined;
  #isStale = false;
  #isDraining = false;
  #isClosed = false;
  #hasFailed = false;

  constructor(parts: NodeDirectoryParts) {
    this.#parts = parts;
  }

  /** Resolves when this worker has been entered, or could not be: that is logged and tried again. */
  async start(): Promise<void> {
    const { presence, severities } = this.#parts;
    if (presence === undefined) return;
    this.#timer = setInterval(() => void this.#update(), updateEveryMs);
    this.#timer.unref();
    this.#unwatch = severities.watch(() => void this.#update());
    await this.#update();
  }

  /** @throws CapabilityError; BrokerUnavailableError */
  async nodes(): Promise<readonly NodeFacts[]> {
    const { presence } = this.#parts;
    if (presence === undefined) throw new CapabilityError('presence');
    const members: PresenceMember[] = [];
    let cursor: string | undefined;
    do {
      const page = await presence.members(directory, pageMembers, cursor);
      members.push(...page.members);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return nodesOf(members);
  }

  /** From here on this worker is entered as one that leaves. */
  drains(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    if (this.#parts.presence !== undefined) void this.#update();
  }

  /** Says nothing more. The broker takes its members away when it closes. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#unwatch?.();
  }

  /** Tells how this worker is; while that is under way, once more afterwards. Never rejects. */
  #update(): Promise<void> {
    this.#isStale = true;
    this.#updating ??= this.#updateAll().finally(() => (this.#updating = undefined));
    return this.#updating;
  }

  async #updateAll(): Promise<void> {
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false;
      try {
        await this.#parts.presence?.enter(directory, this.#self());
        this.#hasFailed = false;
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  #self(): PresenceMember {
    const { identity, severities, load } = this.#parts;
    return describeWorker(this.#id, identity, {
      worker: identity.worker,
      pid: process.pid,
      startedAt: this.#startedAt,
      seenAt: Date.now(),
      ...load(),
      severities: severities.state,
      ...(this.#isDraining ? { draining: true } : {}),
    });
  }

  /** Told once, and again after a success: it is tried every few seconds. */
  #failed(error: unknown): void {
    if (this.#hasFailed || this.#isClosed) return;
    this.#hasFailed = true;
    const why = error instanceof Error ? error.message : String(error);
    this.#parts.log.warn(
      { event: 'node-directory-failed' },
      `this worker is not up to date in the list of nodes, and tries again: ${why}`,
    );
  }
}
