import type { PresenceMember } from '../broker.ts';
import type { MemberForm } from '../memory/member-roster.ts';
import { MalformedRecordError } from './record.ts';
import { RecordCursor } from './record-cursor.ts';
import type { RecordWriter } from './record-writer.ts';

/** Flags of a member. */
const hasUserFlag = 1;
const hasInfoFlag = 2;

export function memberBytes({ connectionId, user, info }: PresenceMember): number {
  let bytes = 4 + Buffer.byteLength(connectionId) + 1;
  if (user !== undefined) bytes += 4 + Buffer.byteLength(user);
  if (info !== undefined) bytes += 4 + Buffer.byteLength(info);
  return bytes;
}

/** Connection id; flags (u8); user and info where flagged. Equal members have equal bytes. */
export function writeMember(writer: RecordWriter, { connectionId, user, info }: PresenceMember): void {
  writer.string(connectionId, Buffer.byteLength(connectionId));
  writer.u8((user === undefined ? 0 : hasUserFlag) | (info === undefined ? 0 : hasInfoFlag));
  if (user !== undefined) writer.string(user, Buffer.byteLength(user));
  if (info !== undefined) writer.string(info, Buffer.byteLength(info));
}

export function readMember(cursor: RecordCursor): PresenceMember {
  const connectionId = cursor.string();
  const flags = cursor.u8();
  if (flags > (hasUserFlag | hasInfoFlag)) throw new MalformedRecordError(`unknown flags ${flags} of a member`);
  const user = (flags & hasUserFlag) === 0 ? undefined : cursor.string();
  const info = (flags & hasInfoFlag) === 0 ? undefined : cursor.string();
  return {
    connectionId,
    ...(user === undefined ? undefined : { user }),
    ...(info === undefined ? undefined : { info }),
  };
}

/** Members as the bytes that are written here. */
export const memberForm: MemberForm<Buffer> = {
  isSame: (a, b) => a.equals(b),
  bytesOf: (member) => member.length,
  userOf: (member) => readMember(new RecordCursor(member, 0, member.length)).user,
};
