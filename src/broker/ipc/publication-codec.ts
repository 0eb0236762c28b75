import type { Position, Publication } from '../broker.ts';
import { headerBytes, MalformedRecordError, recordType } from './record.ts';
import type { RecordCursor } from './record-cursor.ts';
import type { RecordWriter } from './record-writer.ts';

/** Flags of a publication. Any other bit is malformed: a newer format has a newer version. */
const isBinaryFlag = 1;
const hasInfoFlag = 2;
const hasTimeFlag = 4;
const timeBytes = 6;

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

const nobody: readonly string[] = Object.freeze([]);

/** Bytes of a publication's record, header included. */
export function publicationBytes(publication: Publication): number {
  return headerBytes + 4 + Buffer.byteLength(publication.subscription) + contentBytes(publication);
}

/** Bytes of what follows the name. */
export function contentBytes({ data, exclude, info, publishedMs }: Publication): number {
  let bytes = 1 + (publishedMs === undefined ? 0 : timeBytes) + 4 + data.length;
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

/**
 * Flags (u8); when it was published (u48, milliseconds since 1970) where flagged; how many ids are excluded (u32), and
 * these; the info where flagged; the data up to the end.
 */
export function writeContent(writer: RecordWriter, publication: Publication): void {
  const { data, kind, exclude, info, publishedMs } = publication;
  writer.u8(
    (kind === 'binary' ? isBinaryFlag : 0) |
      (info === undefined ? 0 : hasInfoFlag) |
      (publishedMs === undefined ? 0 : hasTimeFlag),
  );
  if (publishedMs !== undefined) writer.u48(publishedMs);
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
  if (flags > (isBinaryFlag | hasInfoFlag | hasTimeFlag))
    throw new MalformedRecordError(`unknown flags ${flags} of a publication`);
  const kind = (flags & isBinaryFlag) === 0 ? 'text' : 'binary';
  const publishedMs = (flags & hasTimeFlag) === 0 ? undefined : cursor.u48();
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
  // Spreading would show in what a delivery costs.
  const publication: Writable<Publication> = { subscription, data, kind, exclude };
  if (publishedMs !== undefined) publication.publishedMs = publishedMs;
  if (info !== undefined) publication.info = info;
  if (position !== undefined) publication.position = position;
  return publication;
}
