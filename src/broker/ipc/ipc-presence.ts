import type { PresenceCapability, PresenceMember, PresencePage, PresenceStats } from '../broker.ts';
import { memberBytes, readMember, writeMember } from './member-codec.ts';
import { headerBytes, recordType } from './record.ts';
import type { RecordCursor } from './record-cursor.ts';
import { stringsBytes } from './record-writer.ts';
import type { WorkerPipe } from './worker-pipe.ts';

/** Limits of a page travel as u32. */
const maxPageLimit = 2 ** 32 - 1;

/** Presence, as a worker asks the primary for it. */
export class IpcPresence implements PresenceCapability {
  readonly #pipe: WorkerPipe;

  constructor(pipe: WorkerPipe) {
    this.#pipe = pipe;
  }

  async enter(name: string, member: PresenceMember): Promise<void> {
    const nameBytes = Buffer.byteLength(name);
    const bodyBytes = 4 + nameBytes + memberBytes(member);
    this.#pipe.check(headerBytes + bodyBytes);
    const { writer } = this.#pipe;
    writer.begin(recordType.enter, bodyBytes);
    writer.string(name, nameBytes);
    writeMember(writer, member);
    await this.#pipe.accepted(headerBytes + bodyBytes);
  }

  async leave(name: string, connectionId: string): Promise<void> {
    const values = [name, connectionId];
    const bytes = stringsBytes(values);
    this.#pipe.check(bytes, true);
    this.#pipe.writer.strings(recordType.leave, values);
    await this.#pipe.accepted(bytes);
  }

  async members(name: string, limit: number, cursor = ''): Promise<PresencePage> {
    const nameBytes = Buffer.byteLength(name);
    const cursorBytes = Buffer.byteLength(cursor);
    const bodyBytes = 4 + nameBytes + 4 + 4 + cursorBytes;
    this.#pipe.check(headerBytes + bodyBytes);
    const { writer } = this.#pipe;
    writer.begin(recordType.members, bodyBytes);
    writer.string(name, nameBytes);
    writer.u32(limit >= 1 ? Math.min(Math.floor(limit), maxPageLimit) : 1);
    writer.string(cursor, cursorBytes);
    return this.#pipe.answered(headerBytes + bodyBytes, recordType.page, readPage);
  }

  async stats(name: string): Promise<PresenceStats> {
    const values = [name];
    const bytes = stringsBytes(values);
    this.#pipe.check(bytes);
    this.#pipe.writer.strings(recordType.countMembers, values);
    return this.#pipe.answered(bytes, recordType.stats, readStats);
  }
}

function readPage(cursor: RecordCursor): PresencePage {
  const next = cursor.string();
  const members: PresenceMember[] = [];
  while (!cursor.isAtEnd) members.push(readMember(cursor));
  return next === '' ? { members } : { members, cursor: next };
}

function readStats(cursor: RecordCursor): PresenceStats {
  const stats = { connections: cursor.u32(), users: cursor.u32() };
  cursor.finish();
  return stats;
}
