import type { PresenceStats } from '../broker.ts';

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
  readonly user: string | undefined;
}

interface Room<Owner, Member> {
  /** By connection id, in the order of their numbers. */
  readonly entries: Map<string, Entry<Owner, Member>>;
  /** How many members each user has. */
  readonly users: Map<string, number>;
}

/** What the roster has to know of the form of a member. */
export interface MemberForm<Member> {
  isSame(a: Member, b: Member): boolean;
  bytesOf(member: Member): number;
  userOf(member: Member): string | undefined;
}

/** Who is in which subscription, and which peer said so. The form of a member is its user's business. */
export class MemberRoster<Owner, Member> {
  readonly #names = new Map<string, Room<Owner, Member>>();
  readonly #form: MemberForm<Member>;
  #joins = 0;
  #size = 0;

  constructor(form: MemberForm<Member>) {
    this.#form = form;
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
    let room = this.#names.get(name);
    if (room === undefined) this.#names.set(name, (room = { entries: new Map(), users: new Map() }));
    const known = room.entries.get(connectionId);
    const user = this.#form.userOf(member);
    if (known === undefined) this.#size++;
    else count(room.users, known.user, -1);
    count(room.users, user, 1);
    // Setting a key that a Map has keeps its place, so that entries stay in the order of their numbers.
    room.entries.set(connectionId, { number: known?.number ?? ++this.#joins, owner, member, user });
    if (known === undefined) return 'join';
    return this.#form.isSame(known.member, member) ? undefined : 'update';
  }

  /** Removes a member and answers what was known of it; undefined: there was none. */
  leave(name: string, connectionId: string): Member | undefined {
    const room = this.#names.get(name);
    const entry = room?.entries.get(connectionId);
    if (room === undefined || entry === undefined) return undefined;
    room.entries.delete(connectionId);
    count(room.users, entry.user, -1);
    if (room.entries.size === 0) this.#names.delete(name);
    this.#size--;
    return entry.member;
  }

  stats(name: string): PresenceStats {
    const room = this.#names.get(name);
    return { connections: room?.entries.size ?? 0, users: room?.users.size ?? 0 };
  }

  /** Removes all members of one owner. Walks the whole roster: owners go rarely, and then once. */
  removeOwner(owner: Owner): readonly { readonly name: string; readonly member: Member }[] {
    const removed: { readonly name: string; readonly member: Member }[] = [];
    for (const [name, { entries }] of this.#names) {
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
    for (const entry of this.#names.get(name)?.entries.values() ?? []) {
      if (!(entry.number > after)) continue;
      if (members.length >= most || bytes >= pageBytes) return { members, cursor: String(last) };
      members.push(entry.member);
      bytes += this.#form.bytesOf(entry.member);
      last = entry.number;
    }
    return { members };
  }
}

function count(users: Map<string, number>, user: string | undefined, change: 1 | -1): void {
  if (user === undefined) return;
  const counted = (users.get(user) ?? 0) + change;
  if (counted > 0) users.set(user, counted);
  else users.delete(user);
}
