import type { Position, Publication } from '../broker.ts';
import { headerBytes, MalformedRecordError, recordType } from './record.ts';
import type { RecordCursor } from './record-cursor.ts';
import type { RecordWriter } from './record-writer.ts';

/** Flags of a publication. Any other bit is malformed: a newer format has a newer version. */
const isBinaryFlag = 1;
const hasInfoFlag = 2;

const nobody: readonly string[] = Object.freeze([]);

/** Bytes of a publication's record, header included. */
export function publicationBytes(publication: Publication): number {
  return headerBytes + 4 + Buffer.byteLength(publication.subscription) + contentBytes(publication);
}

/** Bytes of what follows the name. */
export function contentBytes({ data, exclude, info }: Publication): number {
  let bytes = 1 + 4 + data.length;
  for (const id of exclude) bytes += 4 + Buffer.byteLength(id);
  if (info !== undefined) bytes += 4 + Buffer.byteLength(info);
  return bytes;
}

/**
 * Body: name, content.
 * @param recordBytes what `publicationBytes` says
 */
export function writePublication(writer: RecordWriter, publication: Publication, recordBytes: number): void {
  const { subscription, data } = publication;
  writer.begin(recordType.publication, recordBytes - headerBytes, writer.detached(data.length));
  writer.string(subscription, Buffer.byteLength(subscription));
  writeContent(writer, publication);
}

/** Flags (u8); how many ids are excluded (u32), and these; the info where flagged; the data up to the end. */
export function writeContent(writer: RecordWriter, { data, kind, exclude, info }: Publication): void {
  writer.u8((kind === 'binary' ? isBinaryFlag : 0) | (info === undefined ? 0 : hasInfoFlag));
  writer.u32(exclude.length);
  for (const id of exclude) writer.string(id, Buffer.byteLength(id));
  if (info !== undefined) writer.string(info, Buffer.byteLength(info));
  writer.data(data);
}

export function readPublication(cursor: RecordCursor): Publication {
  return readContent(cursor, cursor.string());
}

/** Reads what follows the name. The data is a slice of the chunk where it pins little memory, else a copy. */
export function readContent(cursor: RecordCursor, subscription: string, position?: Position): Publication {
  const flags = cursor.u8();
  if (flags > (isBinaryFlag | hasInfoFlag)) throw new MalformedRecordError(`unknown flags ${flags} of a publication`);
  const kind = (flags & isBinaryFlag) === 0 ? 'text' : 'binary';
  let count = cursor.u32();
  let exclude = nobody;
  if (count > 0) {
    const ids: string[] = [];
    // A count that is too high runs into the end of the record.
    while (count-- > 0) ids.push(cursor.string());
    exclude = ids;
  }
  const info = (flags & hasInfoFlag) === 0 ? undefined : cursor.string();
  const data = cursor.retainableRest();
  // Four literals: spreading would show in what a delivery costs.
  if (position === undefined) {
    return info === undefined ? { subscription, data, kind, exclude } : { subscription, data, kind, exclude, info };
  }
  return info === undefined
    ? { subscription, data, kind, exclude, position }
    : { subscription, data, kind, exclude, info, position };
}
