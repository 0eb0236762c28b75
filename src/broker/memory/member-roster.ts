/** A page ends early when its members come to this many bytes, so that no answer grows without bound. */
const pageBytes = 1024 * 1024;

export interface RosterPage<Member> {
  readonly members: readonly Member[];
  readonly cursor?: string;
}

interface Entry<Owner, Member> {
  /** Grows with every join; the order of a name's entries and what a cursor refers to. */
  readonly number: number;
  readonly owner: Owner;
  readonly member: Member;
}

/** Who is in which subscription, and which peer said so. The form of a member is its user's business. */
export class MemberRoster<Owner, Member> {
  readonly #names = new Map<string, Map<string, Entry<Owner, Member>>>();
  readonly #isSame: (a: Member, b: Member) => boolean;
  readonly #bytesOf: (member: Member) => number;
  #joins = 0;
  #size = 0;

  constructor(isSame: (a: Member, b: Member) => boolean, bytesOf: (member: Member) => number) {
    this.#isSame = isSame;
    this.#bytesOf = bytesOf;
  }

  /** How many members there are, over all names. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds or replaces a member; the answer says what there is to tell, undefined: nothing changed. Whoever entered a
   * member last owns it.
   */
  enter(name: string, connectionId: string, member: Member, owner: Owner): 'join' | 'update' | undefined {
    let entries = this.#names.get(name);
    if (entries === undefined) this.#names.set(name, (entries = new Map<string, Entry<Owner, Member>>()));
    const known = entries.get(connectionId);
    if (known === undefined) {
      entries.set(connectionId, { number: ++this.#joins, owner, member });
      this.#size++;
      return 'join';
    }
    // Setting a key that a Map has keeps its place, so that entries stay in the order of their numbers.
    entries.set(connectionId, { number: known.number, owner, member });
    return this.#isSame(known.member, member) ? undefined : 'update';
  }

  /** Removes a member and answers what was known of it; undefined: there was none. */
  leave(name: string, connectionId: string): Member | undefined {
    const entries = this.#names.get(name);
    const entry = entries?.get(connectionId);
    if (entries === undefined || entry === undefined) return undefined;
    entries.delete(connectionId);
    if (entries.size === 0) this.#names.delete(name);
    this.#size--;
    return entry.member;
  }

  /** Removes all members of one owner. Walks the whole roster: owners go rarely, and then once. */
  removeOwner(owner: Owner): readonly { readonly name: string; readonly member: Member }[] {
    const removed: { readonly name: string; readonly member: Member }[] = [];
    for (const [name, entries] of this.#names) {
      for (const [connectionId, entry] of entries) {
        if (entry.owner !== owner) continue;
        this.leave(name, connectionId);
        removed.push({ name, member: entry.member });
      }
    }
    return removed;
  }

  /**
   * A page in the order of the joins, which stays valid while others come and go: who is there throughout is seen
   * exactly once. A limit below 1 counts as 1; a cursor that is not from here gives an empty page.
   */
  page(name: string, limit: number, cursor: string): RosterPage<Member> {
    const after = cursor === '' ? 0 : Number(cursor);
    const most = limit >= 1 ? limit : 1;
    const members: Member[] = [];
    let bytes = 0;
    let last = after;
    for (const entry of this.#names.get(name)?.values() ?? []) {
      if (!(entry.number > after)) continue;
      if (members.length >= most || bytes >= pageBytes) return { members, cursor: String(last) };
      members.push(entry.member);
      bytes += this.#bytesOf(entry.member);
      last = entry.number;
    }
    return { members };
  }
}
