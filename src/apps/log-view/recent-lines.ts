import type { Position } from '../../broker/broker.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { CapabilityError } from '../../gateway/errors.ts';
import { SharedReading } from '../../lib/shared-reading.ts';
import { LastLines } from './last-lines.ts';
import { readBatch, type LineBatch } from './line-batch.ts';
import { logSubscription, recordSubscription } from './log-subscriptions.ts';
import { backlogBytes } from './log-view-protocol.ts';
import { readRecord, type NodeRecord } from './node-record.ts';
import { Seam } from './seam.ts';

/** Publications a page of the history. */
const pagePublications = 100;
/** Most bytes of lines that are read back for one opening; a page more, at most. */
const readBackBytes = 4 * 1024 * 1024;
/** Most nodes whose records are read. */
const mostNodes = 128;

/** The last published lines of a log, of all nodes, up to a place in its history. */
export interface RecentLines {
  /** All that was published up to here is in `nodes`, or older than what is. */
  readonly position: Position;
  /** Node → its last lines. A node that has gone is among them as long as the history has lines of it. */
  readonly nodes: ReadonlyMap<string, NodeLines>;
  /** Nodes of the cluster of which neither a record nor a line was found. */
  readonly absent: readonly string[];
}

/** What was found of one node, put together from its record and the history. */
class NodeLines {
  readonly #seam = new Seam();
  readonly #last: LastLines;
  readonly #ends = new Map<string, number>();

  constructor(tail: number) {
    this.#last = new LastLines({ lines: tail, bytes: backlogBytes });
  }

  /** Oldest first. */
  get batches(): readonly LineBatch[] {
    return this.#last.batches;
  }

  /** Where the published lines of each file end, by its id; of files that were written to of late. */
  get ends(): ReadonlyMap<string, number> {
    return this.#ends;
  }

  /** Whether this batch goes on where another one ended. */
  continues({ id, start }: LineBatch): boolean {
    return this.#ends.get(id) === start;
  }

  add(batch: LineBatch): void {
    const { batch: fresh, gap } = this.#seam.admit(batch);
    if (gap) this.#last.clear();
    if (fresh !== undefined) this.#last.push(fresh);
    // One that is published again may end earlier.
    if (fresh !== undefined || !this.#ends.has(batch.id)) this.#ends.set(batch.id, batch.end);
  }

  forget(): void {
    this.#last.clear();
  }
}

interface PublishedBatch {
  readonly place: Position;
  readonly batch: LineBatch;
}

interface ReadBack {
  /** The newest place. */
  readonly position: Position;
  /** The place before the oldest that was read. */
  readonly before: Position;
  /** Oldest first. */
  readonly published: readonly PublishedBatch[];
}

/**
 * Reads what the nodes have published of a log last: from its history, and from the record that each node keeps of what
 * the history forgets. No node is asked, so none can keep anybody waiting. Viewers that come at the same time share a
 * reading.
 */
export class RecentLinesReader {
  readonly #gateway: Gateway;
  readonly #own: string;
  /** By log and tail, as long as somebody waits for one. */
  readonly #readings = new Map<string, SharedReading<RecentLines>>();

  /** @param own this node's name */
  constructor(gateway: Gateway, own: string) {
    this.#gateway = gateway;
    this.#own = own;
  }

  /**
   * Begins after this call, so that all that was published before it is found.
   * @param tail how many lines of each node are wanted
   * @throws BrokerUnavailableError
   */
  async read(log: string, tail: number): Promise<RecentLines> {
    const key = `${tail} ${log}`;
    const shared = this.#readings.get(key) ?? new SharedReading(() => this.#read(log, tail));
    this.#readings.set(key, shared);
    try {
      return await shared.read();
    } finally {
      if (shared.isIdle && this.#readings.get(key) === shared) this.#readings.delete(key);
    }
  }

  /**
   * Batches that were published last up to a place, oldest first: a batch after it may repeat one of them.
   * @param newest a place that the history has reached
   * @throws BrokerUnavailableError
   */
  async upTo(log: string, place: Position, newest: Position): Promise<readonly LineBatch[]> {
    const since = isAfter(newest, place) ? from(place) : undefined;
    const query = { limit: pagePublications, reverse: true, ...(since && { since }) };
    const { publications } = await this.#gateway.history(logSubscription(log), query);
    return publications
      .toReversed()
      .filter(({ position }) => !isAfter(position, place))
      .map(readBatch)
      .filter((batch) => batch !== undefined);
  }

  async #read(log: string, tail: number): Promise<RecentLines> {
    const names = await this.#nodeNames();
    // Before the history: what is in no record yet is there then.
    const found = await Promise.all(names.slice(0, mostNodes).map((name) => this.#record(log, name)));
    const records = new Map(found.flatMap((record) => (record === undefined ? [] : [[record.node, record] as const])));
    const { position, before, published } = await this.#readBack(log, tail, names, records);
    const nodes = new Map<string, NodeLines>();
    for (const [name, { batches }] of records) {
      const lines = new NodeLines(tail);
      for (const batch of batches) lines.add(batch);
      nodes.set(name, lines);
    }
    const seen = new Set<string>();
    for (const { place, batch } of published) {
      const { node } = batch;
      const record = records.get(node);
      if (record !== undefined && !isAfter(place, record.upTo)) continue;
      const lines = nodes.get(node) ?? new NodeLines(tail);
      nodes.set(node, lines);
      // Something may lie between the record and what was read back.
      const isJoined = record !== undefined && !isAfter(before, record.upTo);
      if (!seen.has(node) && !isJoined && !lines.continues(batch)) lines.forget();
      seen.add(node);
      lines.add(batch);
    }
    return { position, nodes, absent: names.filter((name) => !nodes.has(name)) };
  }

  /** Reads the history back from its newest publication to where there is enough of every node. */
  async #readBack(
    log: string,
    tail: number,
    names: readonly string[],
    records: ReadonlyMap<string, NodeRecord>,
  ): Promise<ReadBack> {
    const newestFirst: PublishedBatch[] = [];
    const counts = new Map<string, number>();
    let bytes = 0;
    let position: Position | undefined;
    let before: Position | undefined;
    const isEnough = (place: Position): boolean =>
      names.every((name) => {
        const record = records.get(name);
        return (record !== undefined && !isAfter(place, record.upTo)) || (counts.get(name) ?? 0) >= tail;
      });
    for (;;) {
      const query = { limit: pagePublications, reverse: true, ...(before && { since: from(before) }) };
      const page = await this.#gateway.history(logSubscription(log), query);
      position ??= page.position;
      before ??= position;
      for (const publication of page.publications) {
        bytes += publication.data.length;
        const batch = readBatch(publication);
        const place: Position = publication.position ?? before;
        before = { epoch: place.epoch, offset: place.offset - 1 };
        if (batch === undefined) continue;
        newestFirst.push({ place, batch });
        counts.set(batch.node, (counts.get(batch.node) ?? 0) + batch.lines.length);
      }
      if (page.publications.length === 0 || isEnough(before) || bytes >= readBackBytes)
        return { position, before, published: newestFirst.toReversed() };
    }
  }

  /** Names of the nodes there are, this one first; only this one where the broker does not know. */
  async #nodeNames(): Promise<readonly string[]> {
    try {
      const nodes = await this.#gateway.nodes();
      return [...new Set([this.#own, ...nodes.map(({ name }) => name)])];
    } catch (error) {
      if (error instanceof CapabilityError) return [this.#own];
      throw error;
    }
  }

  async #record(log: string, node: string): Promise<NodeRecord | undefined> {
    const { publications } = await this.#gateway.history(recordSubscription(log, node), { limit: 1, reverse: true });
    return publications[0] === undefined ? undefined : readRecord(publications[0], log, node);
  }
}

/** A page that is read backwards begins below this place. */
function from({ epoch, offset }: Position): Position {
  return { epoch, offset: offset + 1 };
}

/** Whether a place is after another, or of another history. */
export function isAfter(place: Position | undefined, other: Position): boolean {
  return place?.epoch !== other.epoch || place.offset > other.offset;
}
