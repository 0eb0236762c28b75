import type { Entry, EntryContent } from '../../src/gateway/sending/entry.ts';
import { MissedNote } from '../../src/gateway/sending/missed-note.ts';
import { Shedding, type Shed, type SheddingPolicy } from '../../src/gateway/sending/shedding.ts';

/** An entry that knows its number among all that were ever given. */
export class Item implements Entry {
  readonly number: number;
  readonly subscription: string | undefined;
  readonly content: EntryContent;
  readonly #bytes: Buffer;

  constructor(number: number, subscription: string | undefined, content: EntryContent, length: number) {
    this.number = number;
    this.subscription = subscription;
    this.content = content;
    this.#bytes = Buffer.alloc(length);
  }

  get length(): number {
    return this.#bytes.length;
  }

  bytesFor(): Buffer {
    return this.#bytes;
  }
}

export const capBytes: number = 800;
export const policies: Readonly<Record<string, SheddingPolicy>> = {
  a: 'drop-oldest',
  b: 'drop-oldest',
  k: 'keep-latest',
};

export const lengthOf = (entry: Entry): number => (entry instanceof Item ? entry.length : 0);

/** What a connection does with its queue; others have no policy here, and what does not fit of them is not given. */
export class ShedQueue {
  readonly waiting: Entry[] = [];
  /** On their way already: no policy reaches them. */
  inFlightBytes: number;
  waitingBytes = 0;
  readonly #shedding = new Shedding({
    capBytes,
    windowBits: 0,
    note: (name) => new MissedNote(name, () => Buffer.alloc(0)),
  });
  #given = 0;

  constructor(inFlightBytes = 0) {
    this.inFlightBytes = inFlightBytes;
  }

  get totalBytes(): number {
    return this.waitingBytes + this.inFlightBytes;
  }

  item(subscription: string | undefined, content: EntryContent, length: number): Item {
    return new Item(this.#given++, subscription, content, length);
  }

  /** @returns whether it was given, to the queue or to a policy */
  give(item: Item, isBehind = true): boolean {
    const policy = policies[item.subscription ?? ''];
    const fits = this.totalBytes + item.length <= capBytes;
    const isAsked = !fits || (isBehind && policy === 'keep-latest' && item.content === 'publication');
    if (isAsked && policy !== undefined) {
      this.shed(item, policy);
      return true;
    }
    if (!fits) return false;
    this.waiting.push(item);
    this.waitingBytes += item.length;
    this.#shedding.queued(item, item.length);
    return true;
  }

  shed(item: Item, policy: SheddingPolicy): Shed {
    const { totalBytes } = this;
    const shed = this.#shedding.admit(this.waiting, {
      entry: item,
      subscription: item.subscription ?? '',
      policy,
      totalBytes,
    });
    this.waitingBytes += shed.changedBytes;
    return shed;
  }

  take(count: number): Entry[] {
    const taken = this.waiting.splice(0, count);
    for (const entry of taken) this.waitingBytes -= lengthOf(entry);
    return taken;
  }
}

/** The queue in short: the names and numbers of entries, and what notes say. */
export function shown(queue: readonly Entry[]): string[] {
  return queue.map((entry) => {
    if (entry instanceof Item) return `${entry.subscription ?? '-'}${entry.number}`;
    if (!(entry instanceof MissedNote)) throw new Error('neither an item nor a note');
    const { subscription, publications, hasPresence, hasMore } = entry;
    return `${subscription}(${publications}${hasPresence ? 'p' : ''}${hasMore ? '+' : ''})`;
  });
}
