import type { Position } from '../../broker/broker.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Log } from '../../lib/log.ts';
import { LastLines } from './last-lines.ts';
import type { LineBatch } from './line-batch.ts';
import { logSubscription, recordHistory, recordSubscription } from './log-subscriptions.ts';
import { recordBytes, writeRecord } from './node-record.ts';

/** The record is renewed once the node has published nothing for so long, in milliseconds; */
const quietMs = 1_000;
/** and while it goes on publishing, this often. */
const busyMs = 5_000;
/** How often it is looked whether the record is still there: Redis may have been restarted empty. Milliseconds. */
const checkMs = 10_000;
/** A record this old is renewed before its time is over, in milliseconds. */
const renewMs = (recordHistory.ttl * 1_000) / 2;

/** Files without lines in the record whose ends are in it. */
const mostFiles = 64;

export interface RecordKeeperOptions {
  readonly gateway: Gateway;
  readonly log: Log;
  readonly node: string;
  /** The log's name. */
  readonly name: string;
  /** How many lines are put down. */
  readonly lines: number;
}

/**
 * Keeps this node's record of one log: whoever opens the log elsewhere reads there what the history has forgotten. It is
 * written seldom, as the history has what was published since.
 */
export class RecordKeeper {
  readonly #options: RecordKeeperOptions;
  readonly #last: LastLines;
  /** Where each file's published lines end: batches without lines, by their files' ids, the latest last. */
  readonly #ends = new Map<string, LineBatch>();
  /** Of the log's history; undefined: nothing is kept, and there is no use in a record. */
  #upTo: Position | undefined;
  /** Of the record that was written last. */
  #written: { readonly position: Position | undefined; readonly at: number } | undefined;
  /** When lines came that are in no record; undefined: there are none. */
  #dirtySince: number | undefined;
  #lastAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #check: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #isClosed = false;

  constructor(options: RecordKeeperOptions) {
    this.#options = options;
    this.#last = new LastLines({ lines: options.lines, bytes: recordBytes });
  }

  /**
   * Begins with the lines that whoever had the duty before has published, or that were there before anybody. To be
   * called before this worker publishes. Never rejects: a record that cannot be written is written later.
   */
  async begin(batches: readonly LineBatch[]): Promise<void> {
    const { gateway, name, node } = this.#options;
    for (const batch of batches) this.#push(batch);
    const names = [logSubscription(name), recordSubscription(name, node)];
    if (names.some((subscription) => gateway.ruleOf(subscription).history === undefined)) return;
    this.#check = setInterval(() => void this.#enqueue(() => this.#look()), checkMs);
    this.#check.unref();
    await this.#enqueue(() => this.#look());
  }

  /** A batch was accepted. */
  published(batch: LineBatch, position: Position | undefined): void {
    this.#push(batch);
    if (position === undefined || this.#check === undefined) return;
    this.#upTo = position;
    this.#lastAt = performance.now();
    this.#dirtySince ??= this.#lastAt;
    this.#timer ??= setTimeout(() => this.#due(), quietMs);
  }

  /** Writes what is in no record yet, and no more after that. */
  async close(): Promise<void> {
    clearInterval(this.#check);
    clearTimeout(this.#timer);
    if (this.#dirtySince !== undefined) void this.#enqueue(() => this.#write());
    await this.#writing;
    this.#isClosed = true;
  }

  #push(batch: LineBatch): void {
    const { node, file, id, era, end } = batch;
    this.#last.push(batch);
    this.#ends.delete(id);
    this.#ends.set(id, { node, file, id, era, start: end, end, lines: [] });
    const [oldest] = this.#ends.keys();
    if (this.#ends.size > mostFiles && oldest !== undefined) this.#ends.delete(oldest);
  }

  get #batches(): readonly LineBatch[] {
    const { batches } = this.#last;
    const told = new Set(batches.map(({ id }) => id));
    return [...[...this.#ends.values()].filter(({ id }) => !told.has(id)), ...batches];
  }

  #due(): void {
    const now = performance.now();
    const quietAt = this.#lastAt + quietMs;
    const dueMs = Math.min(quietAt, (this.#dirtySince ?? now) + busyMs) - now;
    if (dueMs > 1) {
      this.#timer = setTimeout(() => this.#due(), dueMs);
      return;
    }
    this.#timer = undefined;
    void this.#enqueue(() => this.#write());
  }

  /** One after the other. Never rejects. */
  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      if (this.#isClosed) return;
      try {
        await work();
        this.#hasFailed = false;
      } catch (error) {
        this.#failed(error);
      }
    });
    return this.#writing;
  }

  /** Sees to it that there is a record, and that it is of the log's present history. */
  async #look(): Promise<void> {
    const { gateway, name, node } = this.#options;
    const written = this.#written;
    const { position: present } = await gateway.history(logSubscription(name), { limit: 0 });
    const { position } = await gateway.history(recordSubscription(name, node), { limit: 0 });
    const isThere = position.epoch === written?.position?.epoch && position.offset === written.position.offset;
    const isPresent = this.#upTo?.epoch === present.epoch;
    // All that this node has published so far is before this place.
    if (!isPresent) this.#upTo = present;
    if (!isThere || !isPresent || Date.now() - written.at > renewMs) await this.#write();
  }

  async #write(): Promise<void> {
    const { gateway, name, node } = this.#options;
    const upTo = this.#upTo;
    if (upTo === undefined) return;
    this.#dirtySince = undefined;
    const { data, info } = writeRecord({ log: name, node, upTo, batches: this.#batches });
    try {
      const position = await gateway.multicast(recordSubscription(name, node), data, { info });
      this.#written = { position, at: Date.now() };
    } catch (error) {
      // The next look finds that this one is missing.
      this.#written = undefined;
      throw error;
    }
  }

  #failed(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#options.log.warn(
      { event: 'log-record-failed', log: this.#options.name, err: error },
      'the last lines of a log cannot be put down for viewers on other nodes; it is tried again',
    );
  }
}
