import type { PresenceMember, PresencePage } from '../../broker/broker.ts';
import { memberOf } from './chat-encoding.ts';
import { rosterMembers, type MembersMessage, type WelcomeMessage } from './chat-protocol.ts';

/**
 * How long no reading begins after one, in milliseconds for each member that it found. A reading takes some
 * microseconds a member in the worker and in the primary, so that readings cost a small part of their time only.
 */
const restMsPerMember = 0.1;

/** The last fields of a `welcome` or `members`, as UTF-8 that ends the message: made once for all who get it. */
export type RosterBytes = Buffer;

type RosterFields = 'members' | 'complete';

/** @returns the message as UTF-8 */
export function withRoster(
  message: Omit<WelcomeMessage, RosterFields> | Omit<MembersMessage, RosterFields>,
  roster: RosterBytes,
): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(message).slice(0, -1)},`), roster]);
}

/**
 * Reads who is in a room for all who want to know it, so that a storm of clients costs no more than a few. Readings
 * come one after the other with a rest in between, and each is for all who had asked when it began.
 */
export class RosterReader {
  readonly #readPage: (limit: number, cursor: string | undefined) => Promise<PresencePage>;
  /** The reading that has not begun. */
  #next: Promise<RosterBytes> | undefined;
  /** Settled when the next reading may begin. */
  #rested: Promise<void> = Promise.resolve();

  constructor(readPage: (limit: number, cursor: string | undefined) => Promise<PresencePage>) {
    this.#readPage = readPage;
  }

  /**
   * The first `rosterMembers` of the room, read after this call: whoever came or went before it is in the list as it
   * then was. What is chained to the promise runs before the next event of presence is handed over.
   */
  read(): Promise<RosterBytes> {
    return (this.#next ??= this.#rested.then(() => {
      this.#next = undefined;
      return this.#begin();
    }));
  }

  async #begin(): Promise<RosterBytes> {
    const reading = this.#readPages();
    this.#rested = reading.then(
      ({ found }) => rest(found.length * restMsPerMember),
      () => {},
    );
    const { found, complete } = await reading;
    return Buffer.from(JSON.stringify({ members: found.map(memberOf), complete }).slice(1));
  }

  async #readPages(): Promise<{ found: readonly PresenceMember[]; complete: boolean }> {
    const found: PresenceMember[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#readPage(rosterMembers - found.length, cursor);
      found.push(...page.members);
      cursor = page.cursor;
    } while (cursor !== undefined && found.length < rosterMembers);
    return { found, complete: cursor === undefined };
  }
}

function rest(ms: number): Promise<void> | undefined {
  // A timer takes a millisecond at least, which is more than a short list is worth.
  return ms < 1 ? undefined : new Promise((resolve) => setTimeout(resolve, ms));
}
