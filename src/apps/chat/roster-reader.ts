import type { PresenceMember, PresencePage } from '../../broker/broker.ts';
import { memberOf } from './chat-encoding.ts';
import { rosterMembers } from './chat-protocol.ts';
import { SharedReading } from '../../lib/shared-reading.ts';
import type { FieldBytes } from './with-fields.ts';

/**
 * How long no reading begins after one, in milliseconds for each member that it found. A reading takes some
 * microseconds a member in the worker and in the primary, so that readings cost a small part of their time only.
 */
const restMsPerMember = 0.1;

type ReadPage = (limit: number, cursor: string | undefined) => Promise<PresencePage>;

interface Roster {
  /** `members` and `complete`. */
  readonly fields: FieldBytes;
  readonly size: number;
}

/** Reads who is in a room for all who want to know it. */
export class RosterReader {
  readonly #readPage: ReadPage;
  readonly #reading = new SharedReading<Roster>(
    () => this.#readRoster(),
    ({ size }) => size * restMsPerMember,
  );

  constructor(readPage: ReadPage) {
    this.#readPage = readPage;
  }

  /**
   * The first `rosterMembers` of the room, read after this call: whoever came or went before it is in the list as it
   * then was. What is chained to the promise runs before the next event of presence is handed over.
   */
  async read(): Promise<FieldBytes> {
    return (await this.#reading.read()).fields;
  }

  async #readRoster(): Promise<Roster> {
    const found: PresenceMember[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#readPage(rosterMembers - found.length, cursor);
      found.push(...page.members);
      cursor = page.cursor;
    } while (cursor !== undefined && found.length < rosterMembers);
    const members = JSON.stringify(found.map(memberOf));
    return { fields: Buffer.from(`"members":${members},"complete":${cursor === undefined}`), size: found.length };
  }
}
