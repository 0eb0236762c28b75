import type { Publication } from '../broker.ts';
import { headerBytes, MalformedRecordError, recordType } from './record.ts';
import type { RecordCursor } from './record-cursor.ts';
import type { RecordWriter } from './record-writer.ts';

/** Flags of a publication. Any other bit is malformed: a newer format has a newer version. */
const isBinaryFlag = 1;
const hasInfoFlag = 2;

const nobody: readonly string[] = Object.freeze([]);

/** Bytes of a publication's record, header included. */
export function publicationBytes({ subscription, data, exclude, info }: Publication): number {
  let bytes = headerBytes + 4 + Buffer.byteLength(subscription) + 1 + 4 + data.length;
  for (const id of exclude) bytes += 4 + Buffer.byteLength(id);
  if (info !== undefined) bytes += 4 + Buffer.byteLength(info);
  return bytes;
}

/**
 * Body: name; flags (u8); how many ids are excluded (u32), and these; the info where flagged; the data up to the end.
 * @param recordBytes what `publicationBytes` says
 */
export function writePublication(writer: RecordWriter, publication: Publication, recordBytes: number): void {
  const { subscription, data, kind, exclude, info } = publication;
  const detached = writer.isDetached(data.length) ? data.length : 0;
  writer.begin(recordType.publication, recordBytes - headerBytes, detached);
  writer.string(subscription, Buffer.byteLength(subscription));
  writer.u8((kind === 'binary' ? isBinaryFlag : 0) | (info === undefined ? 0 : hasInfoFlag));
  writer.u32(exclude.length);
  for (const id of exclude) writer.string(id, Buffer.byteLength(id));
  if (info !== undefined) writer.string(info, Buffer.byteLength(info));
  writer.data(data);
}

/** Reads the body of a publication. The data is a slice of the chunk where it pins little memory, else a copy. */
export function readPublication(cursor: RecordCursor): Publication {
  const subscription = cursor.string();
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
  if ((flags & hasInfoFlag) === 0) return { subscription, data: cursor.retainableRest(), kind, exclude };
  const info = cursor.string();
  return { subscription, data: cursor.retainableRest(), kind, exclude, info };
}
