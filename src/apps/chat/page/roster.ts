import type { Member, PresenceMessage } from '../chat-protocol.ts';
import { displayName } from './person.ts';
import type { PresenceChange } from './presence-notice.ts';

type PresenceEvent = Pick<PresenceMessage, 'type' | 'member'>;

/**
 * Who is here. Lists and events reach the page by different ways, so a list may be older than an event that came before
 * it: what arrived between asking for a list and getting it is applied once more on top. Applying an event twice changes
 * nothing.
 */
export class Roster {
  readonly #members = new Map<string, Member>();
  /** This page's earlier connections: the room may not have noticed their end, but they are nobody else. */
  readonly #formerOwnIds = new Set<string>();
  #ownId = '';
  #complete = true;
  #sinceAsked: PresenceEvent[] = [];
  #asked = false;

  get ownId(): string {
    return this.#ownId;
  }

  get self(): Member | undefined {
    return this.#members.get(this.#ownId);
  }

  /** Members known; where the list was not complete there are more. */
  get count(): number {
    return this.#members.size;
  }

  get complete(): boolean {
    return this.#complete;
  }

  /** Oneself first, then by name, then who has none. */
  sorted(): Member[] {
    const names = new Intl.Collator();
    return [...this.#members.values()].sort(
      (a, b) =>
        Number(b.id === this.#ownId) - Number(a.id === this.#ownId) ||
        Number(isNameless(a)) - Number(isNameless(b)) ||
        names.compare(displayName(a), displayName(b)) ||
        names.compare(a.id, b.id),
    );
  }

  /** Names that more than one member goes by. */
  sharedNames(): ReadonlySet<string> {
    const seen = new Set<string>();
    const shared = new Set<string>();
    for (const member of this.#members.values()) {
      const name = displayName(member);
      if (seen.has(name)) shared.add(name);
      seen.add(name);
    }
    return shared;
  }

  /** Whether another member goes by the same name; of somebody who is gone it may be the same person, come back. */
  hasNamesake(member: Member): boolean {
    if (!this.#members.has(member.id)) return false;
    const name = displayName(member);
    for (const other of this.#members.values()) {
      if (other.id !== member.id && displayName(other) === name) return true;
    }
    return false;
  }

  /** A connection began: who is here now. */
  enter(self: Member, members: readonly Member[], complete: boolean): void {
    if (this.#ownId !== '' && this.#ownId !== self.id) this.#formerOwnIds.add(this.#ownId);
    this.#ownId = self.id;
    this.#asked = false;
    this.#replace(self, members, complete);
  }

  /** A list was asked for, to be handed to `update`. */
  expectUpdate(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#sinceAsked = [];
  }

  update(members: readonly Member[], complete: boolean): void {
    const { self } = this;
    if (self === undefined) return;
    this.#replace(self, members, complete);
    for (const event of this.#sinceAsked) this.#apply(event);
    this.#asked = false;
    this.#sinceAsked = [];
  }

  /** @returns what a reader would call a change; undefined for none, and for what oneself did */
  apply(event: PresenceEvent): PresenceChange | undefined {
    if (this.#asked) this.#sinceAsked.push(event);
    return this.#apply(event);
  }

  #apply({ type, member }: PresenceEvent): PresenceChange | undefined {
    const { id } = member;
    if (this.#formerOwnIds.has(id)) return undefined;
    const known = this.#members.get(id);
    const isOwn = id === this.#ownId;
    if (type === 'leave') {
      if (isOwn || !this.#members.delete(id) || known === undefined) return undefined;
      return { type, id, name: displayName(known) };
    }
    this.#members.set(id, member);
    if (isOwn) return undefined;
    const name = displayName(member);
    if (known === undefined) return { type: 'join', id, name };
    const before = displayName(known);
    return before === name ? undefined : { type: 'rename', id, name, before };
  }

  #replace(self: Member, members: readonly Member[], complete: boolean): void {
    this.#members.clear();
    this.#complete = complete;
    for (const member of members) if (!this.#formerOwnIds.has(member.id)) this.#members.set(member.id, member);
    this.#members.set(self.id, self);
  }
}

function isNameless(member: Member): boolean {
  return member.nick === null && member.user === null;
}
