import {
  BrokerClosedError,
  BrokerUnavailableError,
  type Position,
  type Publication,
  type PublishOptions,
} from '../broker.ts';
import { idGenerator } from '../../lib/ids.ts';
import type { RedisBrokerStats } from './redis-broker-stats.ts';
import { lastingTrouble, RedisUnavailableError } from './redis-command-errors.ts';
import type { PublishQueueOptions } from './redis-options.ts';

export interface PublishQueueParts {
  readonly send: (publication: Publication, options: PublishOptions) => Promise<Position | undefined>;
  /** Why the server that the subscription belongs to cannot take publications now; undefined: it can. */
  readonly failureOf: (subscription: string) => BrokerUnavailableError | undefined;
  readonly stats: RedisBrokerStats;
}

interface Entry {
  readonly order: number;
  readonly publication: Publication;
  readonly options: PublishOptions;
  /** By `performance.now()`. */
  readonly expiresMs: number;
  failure: BrokerUnavailableError | undefined;
  readonly bytes: number;
  /** Redis may have accepted it. Its id makes sending it again harmless. */
  isUnknown: boolean;
  resolve(position: Position | undefined): void;
  reject(error: Error): void;
}

/** The publications of one subscription, so that they keep their order. There is one only while something is in it. */
interface Line {
  readonly waiting: Entry[];
  inFlight: number;
  /** Of the newest that was accepted; an older one that was not has missed its place. */
  accepted: number;
}

/** Between two looks at what waits, in milliseconds. */
const lookMs = 100;

/**
 * Publications that wait, in order and within bounds, while Redis is away. What would be refused again is rejected at
 * once, and so is what Redis may have accepted already where it has no id. Those with history get one here, which costs
 * a key for some minutes; those without would pay that for nothing but the moment in which a connection breaks.
 */
export class PublishQueue {
  readonly #limits: PublishQueueOptions;
  readonly #parts: PublishQueueParts;
  readonly #lines = new Map<string, Line>();
  readonly #makeId = idGenerator();
  #published = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(limits: PublishQueueOptions, parts: PublishQueueParts) {
    this.#limits = limits;
    this.#parts = parts;
  }

  /** As `Broker.publish`. */
  publish(publication: Publication, options: PublishOptions = {}): Promise<Position | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new BrokerClosedError();
      const entry: Entry = {
        order: ++this.#published,
        publication,
        options: options.history === undefined ? options : { ...options, id: options.id ?? this.#makeId() },
        bytes: publication.data.length + (publication.info?.length ?? 0),
        expiresMs: performance.now() + this.#limits.seconds * 1_000,
        failure: undefined,
        isUnknown: false,
        resolve,
        reject,
      };
      let line = this.#lines.get(publication.subscription);
      if (line === undefined) {
        this.#lines.set(publication.subscription, (line = { waiting: [], inFlight: 0, accepted: 0 }));
      }
      if (line.waiting.length === 0) this.#send(line, entry);
      else this.#wait(line, entry);
    });
  }

  /** Something has changed: who can be sent is sent. */
  look(): void {
    if (this.#isClosed) return;
    const nowMs = performance.now();
    for (const [name, line] of this.#lines) {
      while (line.waiting[0] !== undefined && line.waiting[0].expiresMs <= nowMs) {
        this.#giveUp(this.#shift(line), `has waited ${this.#limits.seconds} s`);
      }
      if (line.inFlight > 0 || line.waiting.length === 0 || this.#parts.failureOf(name) !== undefined) continue;
      const due = line.waiting.splice(0);
      for (const entry of due) {
        this.#leaves(entry);
        if (entry.order < line.accepted && !entry.isUnknown) this.#giveUp(entry, 'was overtaken by a later one');
        else this.#send(line, entry);
      }
    }
    for (const [name, line] of this.#lines) this.#tidy(name, line);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const line of this.#lines.values()) {
      for (const entry of line.waiting.splice(0)) {
        this.#leaves(entry);
        entry.reject(new BrokerClosedError());
      }
    }
    this.#lines.clear();
  }

  #send(line: Line, entry: Entry): void {
    line.inFlight++;
    this.#parts.send(entry.publication, entry.options).then(
      (position) => {
        line.inFlight--;
        line.accepted = Math.max(line.accepted, entry.order);
        entry.resolve(position);
        this.#tidy(entry.publication.subscription, line);
      },
      (error: unknown) => {
        line.inFlight--;
        this.#failed(line, entry, error);
        this.#tidy(entry.publication.subscription, line);
      },
    );
  }

  #failed(line: Line, entry: Entry, error: unknown): void {
    if (!(error instanceof RedisUnavailableError) || this.#isClosed) {
      entry.reject(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const isUnknown = error.outcome === 'unknown';
    const isLasting = lastingTrouble.has(error.trouble) || (isUnknown && entry.options.id === undefined);
    if (isLasting && (isUnknown || !entry.isUnknown)) {
      entry.reject(error);
      return;
    }
    entry.failure = error;
    entry.isUnknown ||= isUnknown;
    if (isLasting) this.#giveUp(entry, 'may have been accepted, but not when it was sent again');
    else this.#wait(line, entry);
  }

  #wait(line: Line, entry: Entry): void {
    const { stats } = this.#parts;
    const { messages, bytes } = this.#limits;
    if (stats.queuedPublications >= messages || stats.queuedBytes + entry.bytes > bytes) {
      const waiting = stats.queuedPublications >= messages ? `${messages}` : `${stats.queuedBytes} of ${bytes} bytes`;
      this.#giveUp(entry, `does not fit into the queue: ${waiting} wait already`);
      return;
    }
    // Those that were under way come back in their order, and before those that came after them.
    let at = line.waiting.length;
    while (at > 0 && (line.waiting[at - 1]?.order ?? 0) > entry.order) at--;
    line.waiting.splice(at, 0, entry);
    stats.queuedPublications++;
    stats.queuedBytes += entry.bytes;
    this.#timer ??= setInterval(() => this.look(), lookMs);
  }

  #shift(line: Line): Entry | undefined {
    const entry = line.waiting.shift();
    if (entry !== undefined) this.#leaves(entry);
    return entry;
  }

  #leaves({ bytes }: Entry): void {
    this.#parts.stats.queuedPublications--;
    this.#parts.stats.queuedBytes -= bytes;
  }

  #giveUp(entry: Entry | undefined, why: string): void {
    if (entry === undefined) return;
    const cause = entry.failure ?? this.#parts.failureOf(entry.publication.subscription);
    const reason = cause === undefined ? '' : `: ${cause.message}`;
    const outcome = entry.isUnknown ? 'unknown' : 'refused';
    entry.reject(new BrokerUnavailableError(`the publication ${why}${reason}`, { outcome, cause }));
  }

  #tidy(name: string, line: Line): void {
    if (line.inFlight === 0 && line.waiting.length === 0 && this.#lines.get(name) === line) this.#lines.delete(name);
    if (this.#timer !== undefined && this.#parts.stats.queuedPublications === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
