import { randomBytes } from 'node:crypto';
import type { HistoryPage, HistoryQuery, Position, PublishOptions } from '../broker.ts';
import { KeptEntries } from './kept-entries.ts';
import { RecentIds, type RecentIdsOptions } from './recent-ids.ts';

export interface HistoryStoreOptions extends RecentIdsOptions {
  /**
   * Most bytes of all histories together, estimated. Above it, the name that was published to the longest ago gives
   * up its oldest publications. Default 256 MiB.
   */
  readonly historyBytes: number;
  /**
   * How long a name's position is remembered of which nothing is kept any more, since then or since it was last
   * read, in milliseconds. After it a new epoch begins. Default a day.
   */
  readonly idleMs: number;
}

export interface HistoryStoreStats {
  /** Names whose position is known. */
  readonly names: number;
  /** Publications kept. */
  readonly entries: number;
  /** What these take, about. */
  readonly bytes: number;
  /** Publications given up before their time because all came to more than the cap, since the start. */
  readonly evicted: number;
  /** Ids of publications that are remembered. */
  readonly ids: number;
}

/** What became of a publication. */
export interface Acceptance<Entry> {
  readonly position: Position | undefined;
  /** What is to be delivered; absent: its id was accepted before, and nothing is. */
  readonly entry?: Entry;
}

export interface StoredPage<Entry> extends Pick<HistoryPage, 'position' | 'lost'> {
  /** In the order that was asked for. */
  readonly entries: readonly Entry[];
  /** Offset of the first of these; of the next ones it is one more each, or one less with `reverse`. */
  readonly first: number;
}

/** A page ends early when its entries come to this many bytes, so that no answer grows without bound. */
const pageBytes = 1024 * 1024;
/** What a name, or an entry, takes beside its characters or bytes, about. */
const nameOverheadBytes = 400;
const entryOverheadBytes = 500;
/** How often what has expired is looked for, and how many names a look is at most: a millisecond or so. */
const sweepEveryMs = 1_000;
const sweepNames = 5_000;

/**
 * The histories of all subscriptions, in memory. The form of an entry is its user's business. What has expired is
 * never answered; its memory is freed by a sweep, a little later.
 */
export class HistoryStore<Entry> {
  readonly #bytesOf: (entry: Entry) => number;
  readonly #capBytes: number;
  readonly #idleMs: number;
  readonly #ids: RecentIds;
  readonly #nowMs: () => number;
  /** Names of which something is kept, the one that was published to the longest ago first. */
  readonly #kept = new Map<string, KeptEntries<Entry>>();
  /** Names of which only the position is known, the one that has been so the longest first. */
  readonly #idle = new Map<string, { readonly entries: KeptEntries<Entry>; readonly sinceMs: number }>();
  #bytes = 0;
  #entryCount = 0;
  #evicted = 0;
  /** Where the last sweep ended. */
  #unswept: Iterator<[string, KeptEntries<Entry>]> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param nowMs a clock that never goes back, in milliseconds */
  constructor(
    bytesOf: (entry: Entry) => number,
    options: Partial<HistoryStoreOptions> = {},
    nowMs: () => number = () => performance.now(),
  ) {
    this.#bytesOf = bytesOf;
    this.#capBytes = options.historyBytes ?? 256 * 1024 * 1024;
    this.#idleMs = options.idleMs ?? 24 * 60 * 60_000;
    this.#ids = new RecentIds(options);
    this.#nowMs = nowMs;
  }

  get stats(): HistoryStoreStats {
    return {
      names: this.#kept.size + this.#idle.size,
      entries: this.#entryCount,
      bytes: this.#bytes,
      evicted: this.#evicted,
      ids: this.#ids.size,
    };
  }

  /** Keeps what is to be kept of a publication, as `make` makes it of the position. */
  accept(name: string, { history, id }: PublishOptions, make: (position?: Position) => Entry): Acceptance<Entry> {
    const nowMs = this.#nowMs();
    const known = id === undefined ? undefined : this.#ids.find(name, id, nowMs);
    if (known !== undefined) return { position: known.position };
    let entry: Entry;
    let position: Position | undefined;
    if (history === undefined) {
      entry = make();
    } else {
      const entries = this.#open(name, nowMs);
      position = { epoch: entries.epoch, offset: entries.newest + 1 };
      entry = make(position);
      this.#change(entries, () => {
        entries.append(entry, entryOverheadBytes + this.#bytesOf(entry), nowMs + history.ttl * 1_000);
        entries.expire(nowMs);
        entries.trim(history.size);
      });
      this.#place(name, entries, nowMs);
      this.#evict(nowMs);
    }
    if (id !== undefined) this.#ids.add(name, id, position, nowMs);
    this.#scheduleSweep();
    return { position, entry };
  }

  /** As `HistoryCapability.read`. A name that is not known is from here on: its position can be continued from. */
  read(name: string, { since, limit, reverse = false }: HistoryQuery): StoredPage<Entry> {
    const nowMs = this.#nowMs();
    const entries = this.#open(name, nowMs);
    this.#change(entries, () => entries.expire(nowMs));
    if (entries.length === 0) this.#place(name, entries, nowMs);
    this.#evict(nowMs);
    this.#scheduleSweep();

    const { epoch, newest, oldest } = entries;
    const position = { epoch, offset: newest };
    if (since !== undefined && (since.epoch !== epoch || since.offset > newest)) {
      return { entries: [], first: 0, position, lost: 'epoch' };
    }
    if (since !== undefined && !reverse && since.offset + 1 < oldest) {
      return { entries: [], first: 0, position, lost: 'trimmed' };
    }
    const step = reverse ? -1 : 1;
    const first = since === undefined ? (reverse ? newest : oldest) : since.offset + step;
    const page: Entry[] = [];
    let bytes = 0;
    for (let offset = first; offset >= oldest && offset <= newest; offset += step) {
      if (page.length >= limit || bytes >= pageBytes) break;
      const kept = entries.at(offset);
      if (kept === undefined) break;
      page.push(kept.entry);
      bytes += kept.bytes;
    }
    return { entries: page, first, position };
  }

  /** Ends the sweeps. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #open(name: string, nowMs: number): KeptEntries<Entry> {
    const known = this.#kept.get(name) ?? this.#idle.get(name)?.entries;
    if (known !== undefined) return known;
    const entries = new KeptEntries<Entry>(randomBytes(9).toString('base64url'));
    this.#bytes += nameBytes(name);
    this.#idle.set(name, { entries, sinceMs: nowMs });
    return entries;
  }

  /** Whatever changes the entries of a name happens in here, so that the sums stay right. */
  #change(entries: KeptEntries<Entry>, change: () => void): void {
    const { bytes, length } = entries;
    change();
    this.#bytes += entries.bytes - bytes;
    this.#entryCount += entries.length - length;
  }

  /** Puts a name at the end of those that something is kept of, or of the idle ones. */
  #place(name: string, entries: KeptEntries<Entry>, nowMs: number): void {
    this.#kept.delete(name);
    this.#idle.delete(name);
    if (entries.length > 0) this.#kept.set(name, entries);
    else this.#idle.set(name, { entries, sinceMs: nowMs });
  }

  /** Idle names go first: of them the least is lost. */
  #evict(nowMs: number): void {
    while (this.#bytes > this.#capBytes && this.#idle.size > 0) {
      const [name] = this.#idle.keys();
      if (name !== undefined) this.#forget(name);
    }
    while (this.#bytes > this.#capBytes && this.#kept.size > 0) {
      const [first] = this.#kept;
      if (first === undefined) return;
      const [name, entries] = first;
      this.#change(entries, () => {
        const excess = this.#bytes - this.#capBytes;
        const { bytes } = entries;
        while (entries.length > 0 && bytes - entries.bytes < excess) {
          entries.dropOldest();
          this.#evicted++;
        }
      });
      if (entries.length === 0) this.#place(name, entries, nowMs);
    }
  }

  #forget(name: string): void {
    if (this.#idle.delete(name)) this.#bytes -= nameBytes(name);
  }

  #scheduleSweep(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sweep();
      if (this.#kept.size + this.#idle.size + this.#ids.size > 0) this.#scheduleSweep();
    }, sweepEveryMs);
    this.#timer.unref();
  }

  #sweep(): void {
    const nowMs = this.#nowMs();
    this.#ids.expire(nowMs);
    for (const [name, { sinceMs }] of this.#idle) {
      if (sinceMs + this.#idleMs > nowMs) break;
      this.#forget(name);
    }
    this.#unswept ??= this.#kept.entries();
    for (let looked = 0; looked < sweepNames; looked++) {
      const { value, done } = this.#unswept.next();
      if (done === true) {
        this.#unswept = undefined;
        return;
      }
      const [name, entries] = value;
      this.#change(entries, () => entries.expire(nowMs));
      if (entries.length === 0) this.#place(name, entries, nowMs);
    }
  }
}

function nameBytes(name: string): number {
  return nameOverheadBytes + 2 * name.length;
}
