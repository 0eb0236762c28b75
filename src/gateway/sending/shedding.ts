/**
 * What the policies `drop-oldest` and `keep-latest` do to what waits for one connection. A queue is a list of entries,
 * the oldest first: they come in at its end, and whatever leaves or is dropped only moves the others forward. Nothing
 * here knows of sockets or rules.
 *
 * Queues may be long, so a pass over one makes room for many messages, and none is made of which it is known that it
 * would be in vain.
 */
import type { Entry } from './entry.ts';
import { MissedNote } from './missed-note.ts';

/** After a pass this share of the outbox is free, where the subscription has so much to give. */
const freedShare = 1 / 8;
/** Subscriptions of one connection of which it is remembered what waits; of others it is found out again. */
const mostRemembered = 1_000;

export type SheddingPolicy = 'drop-oldest' | 'keep-latest';

export interface SheddingParts {
  readonly windowBits: number;
  /** Most bytes that may wait for the connection. */
  readonly capBytes: number;
  note(subscription: string): MissedNote;
}

/** What is to join a queue. */
export interface Newcomer {
  readonly entry: Entry;
  /** The entry's. */
  readonly subscription: string;
  readonly policy: SheddingPolicy;
  /** All that waits for the connection, also what is not in the queue any more. */
  readonly totalBytes: number;
}

/** What became of the queue and of the newcomer. */
export interface Shed {
  /** Whether the newcomer is in the queue now. */
  readonly isQueued: boolean;
  /** By how many bytes the queue has become more, or less, with the newcomer in it. */
  readonly changedBytes: number;
  /** Publications that will never be sent, the newcomer perhaps among them. */
  readonly dropped: number;
}

/** An entry, and where it was last: it may have moved forward since, or left. */
interface Seen<Type extends Entry> {
  readonly entry: Type;
  readonly at: number;
}

/** What is known of one subscription's share of the queue. */
interface Share {
  /** No more bytes of it than this can be dropped: all that were queued, and have not been dropped. */
  mostBytes: number;
  /** The note right before all of it that can be dropped. */
  firstNote: Seen<MissedNote> | undefined;
  /** A note behind which nothing of the subscription was queued. */
  lastNote: Seen<MissedNote> | undefined;
  /** The only publication of it that waits; undefined: nobody knows how many do. */
  latest: Seen<Entry> | 'none' | undefined;
}

/** One connection's, as long as it is behind. */
export class Shedding {
  readonly #parts: SheddingParts;
  readonly #shares = new Map<string, Share>();

  constructor(parts: SheddingParts) {
    this.#parts = parts;
  }

  /** Something has been queued without being asked here first. */
  queued({ subscription, content }: Entry, byteLength: number): void {
    const share = subscription === undefined ? undefined : this.#shares.get(subscription);
    if (share === undefined) return;
    share.lastNote = undefined;
    if (content === 'publication') share.latest = undefined;
    if (isDroppable(content)) share.mostBytes += byteLength;
    else if (share.mostBytes === 0) share.firstNote = undefined;
  }

  /**
   * Queues an entry of a subscription with such a policy: in the place of an older one, or at the end; where there is
   * no room the oldest of its subscription make some, and where they cannot it is dropped itself.
   */
  admit(queue: Entry[], newcomer: Newcomer): Shed {
    const { capBytes, windowBits } = this.#parts;
    const { entry, subscription, policy, totalBytes } = newcomer;
    const share = this.#shareOf(queue, subscription);
    const byteLength = entry.bytesFor(windowBits).length;
    const isLatest = policy === 'keep-latest' && entry.content === 'publication';
    const replaced = isLatest ? this.#replace(queue, newcomer, share) : undefined;
    if (replaced !== undefined) return replaced;
    const excessBytes = totalBytes + byteLength - capBytes;
    let made = { freedBytes: 0, dropped: 0 };
    if (excessBytes > 0) {
      const wantedBytes = excessBytes + Math.floor(capBytes * freedShare);
      if (share.mostBytes < excessBytes) return this.#refuse(queue, newcomer, share);
      const from = share.mostBytes < wantedBytes ? this.#oldest(queue, newcomer, share) : 0;
      if (from === 0) this.#measure(queue, newcomer, share, wantedBytes);
      if (share.mostBytes < excessBytes) return this.#refuse(queue, newcomer, share);
      made = this.#drop(queue, newcomer, share, wantedBytes, from);
    }
    queue.push(entry);
    this.queued(entry, byteLength);
    if (isLatest) share.latest = { entry, at: queue.length - 1 };
    return { isQueued: true, changedBytes: byteLength - made.freedBytes, dropped: made.dropped };
  }

  #shareOf(queue: readonly Entry[], name: string): Share {
    let share = this.#shares.get(name);
    if (share !== undefined) return share;
    if (this.#shares.size >= mostRemembered) this.#shares.clear();
    share = { mostBytes: Infinity, firstNote: undefined, lastNote: undefined, latest: undefined };
    const at = queue.findLastIndex(({ subscription }) => subscription === name);
    const last = queue[at];
    if (last instanceof MissedNote) share.lastNote = { entry: last, at };
    this.#shares.set(name, share);
    return share;
  }

  /** @returns undefined when there is none to be replaced, or there would be no room even so: nothing has changed then */
  #replace(queue: Entry[], { entry, subscription, totalBytes }: Newcomer, share: Share): Shed | undefined {
    const { capBytes, windowBits } = this.#parts;
    const older = publicationsOf(queue, subscription, share);
    const [oldest] = older;
    share.latest = older.length > 1 ? undefined : (oldest ?? 'none');
    if (oldest === undefined) return undefined;
    const bytesOf = (one: Entry): number => one.bytesFor(windowBits).length;
    const changedBytes = bytesOf(entry) - older.reduce((sum, one) => sum + bytesOf(one.entry), 0);
    if (totalBytes + changedBytes > capBytes) return undefined;
    queue[oldest.at] = entry;
    for (const { at } of older.slice(1).toReversed()) queue.splice(at, 1);
    share.mostBytes += changedBytes;
    share.latest = { entry, at: oldest.at };
    return { isQueued: true, changedBytes, dropped: older.length };
  }

  /** Finds out how many bytes can be dropped, unless they are as many as are wanted. */
  #measure(queue: readonly Entry[], { subscription }: Newcomer, share: Share, wantedBytes: number): void {
    let bytes = 0;
    for (const entry of queue) {
      if (entry.subscription !== subscription || !isDroppable(entry.content)) continue;
      bytes += entry.bytesFor(this.#parts.windowBits).length;
      if (bytes >= wantedBytes) return;
    }
    share.mostBytes = bytes;
  }

  /** Where all must go, and they are few, they are the newest mostly. @returns where they begin; 0 where some have left */
  #oldest(queue: readonly Entry[], { subscription }: Newcomer, { mostBytes }: Share): number {
    let bytes = 0;
    for (let at = queue.length - 1; at > 0; at--) {
      const entry = queue[at];
      if (entry?.subscription !== subscription || !isDroppable(entry.content)) continue;
      bytes += entry.bytesFor(this.#parts.windowBits).length;
      if (bytes === mostBytes) return at;
    }
    return 0;
  }

  /** Drops the oldest of the subscription, and leaves a note where the first of each row was. @param from none is before */
  #drop(
    queue: Entry[],
    { subscription, policy }: Newcomer,
    share: Share,
    wantedBytes: number,
    from: number,
  ): { readonly freedBytes: number; readonly dropped: number } {
    let freedBytes = 0;
    let dropped = 0;
    /** Where this is one, nothing that stays is between it and the entry that is looked at. */
    let note = from > 0 && share.firstNote !== undefined ? find(queue, share.firstNote) : undefined;
    let kept = from;
    let at = from;
    for (; at < queue.length; at++) {
      const entry = queue[at];
      if (entry === undefined) break;
      const isOwn = entry.subscription === subscription;
      if (isOwn && entry instanceof MissedNote) {
        if (note !== undefined) {
          note.entry.absorb(entry);
          continue;
        }
        note = { entry, at: kept };
      } else if (isOwn && isDroppable(entry.content)) {
        if (freedBytes >= wantedBytes) break;
        freedBytes += entry.bytesFor(this.#parts.windowBits).length;
        if (entry.content === 'publication') dropped++;
        if (isTold(entry, policy)) {
          if (note === undefined) {
            note = { entry: this.#parts.note(subscription), at: kept };
            queue[kept++] = note.entry;
          }
          note.entry.add(entry);
        }
        continue;
      } else if (isOwn) {
        note = undefined;
      }
      queue[kept++] = entry;
    }
    const isAllGone = at === queue.length;
    queue.splice(kept, at - kept);
    share.mostBytes = isAllGone ? 0 : share.mostBytes - freedBytes;
    share.firstNote = note;
    if (isAllGone) share.lastNote = note;
    return { freedBytes, dropped };
  }

  #refuse(queue: Entry[], { entry, subscription, policy }: Newcomer, share: Share): Shed {
    if (isTold(entry, policy)) {
      share.lastNote = share.lastNote && find(queue, share.lastNote);
      if (share.lastNote === undefined) {
        const note = this.#parts.note(subscription);
        share.lastNote = { entry: note, at: queue.push(note) - 1 };
      }
      share.lastNote.entry.add(entry);
      if (share.mostBytes === 0) share.firstNote = share.lastNote;
    }
    return { isQueued: false, changedBytes: 0, dropped: entry.content === 'publication' ? 1 : 0 };
  }
}

function isDroppable(content: Entry['content']): boolean {
  return content === 'publication' || content === 'presence';
}

/** Where only the newest matters, nobody asks how many came before. */
function isTold({ content }: Entry, policy: SheddingPolicy): boolean {
  return content !== 'publication' || policy === 'drop-oldest';
}

function find<Type extends Entry>(queue: readonly Entry[], { entry, at }: Seen<Type>): Seen<Type> | undefined {
  const found = queue.lastIndexOf(entry, at);
  return found < 0 ? undefined : { entry, at: found };
}

function publicationsOf(queue: readonly Entry[], name: string, { latest }: Share): readonly Seen<Entry>[] {
  if (latest === 'none') return [];
  const known = latest && find(queue, latest);
  if (latest !== undefined) return known === undefined ? [] : [known];
  const found: Seen<Entry>[] = [];
  for (const [at, entry] of queue.entries())
    if (entry.subscription === name && entry.content === 'publication') found.push({ entry, at });
  return found;
}
