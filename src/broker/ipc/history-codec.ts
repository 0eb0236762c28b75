import type { HistoryPage, HistoryQuery, Position, Publication, PublishOptions } from '../broker.ts';
import type { StoredPage } from '../memory/history-store.ts';
import { contentBytes, readContent, writeContent } from './publication-codec.ts';
import { headerBytes, MalformedRecordError, recordType } from './record.ts';
import type { RecordCursor } from './record-cursor.ts';
import type { RecordWriter } from './record-writer.ts';

/** Flags of a publication that is to be kept. */
const hasHistoryFlag = 1;
const hasIdFlag = 2;

/** Flags of what is to be read. */
const hasSinceFlag = 1;
const isReverseFlag = 2;

/** Sizes and limits travel as u32. */
const maxCount = 2 ** 32 - 1;
/** Offsets travel as u48. */
const maxOffset = 2 ** 48 - 1;
/** By how much, at most, a record that the switch makes of a `keep` record may be longer than that. */
export const keepMarginBytes: number = 64;

/** How a page says why there is nothing in it: the index. */
const losses = [undefined, 'trimmed', 'epoch'] as const;

function positionBytes({ epoch }: Position): number {
  return 4 + Buffer.byteLength(epoch) + 6;
}

function writePosition(writer: RecordWriter, { epoch, offset }: Position): void {
  writer.string(epoch, Buffer.byteLength(epoch));
  writer.u48(offset);
}

function readPosition(cursor: RecordCursor): Position {
  const epoch = cursor.string();
  return { epoch, offset: cursor.u48() };
}

/** A count as it can travel; what is no number counts as none. */
function countOf(value: number, max: number = maxCount): number {
  return value >= 1 ? Math.min(Math.floor(value), max) : 0;
}

/** Bytes of a `keep` record, header included. */
export function keepBytes(publication: Publication, { history, id }: PublishOptions): number {
  let bytes = headerBytes + 1 + 4 + Buffer.byteLength(publication.subscription) + contentBytes(publication);
  if (history !== undefined) bytes += 4 + 8;
  if (id !== undefined) bytes += 4 + Buffer.byteLength(id);
  return bytes;
}

/** Flags (u8); size (u32) and ttl (f64, seconds) where flagged; the id where flagged; name, content. */
export function writeKeep(
  writer: RecordWriter,
  publication: Publication,
  { history, id }: PublishOptions,
  recordBytes: number,
): void {
  const { subscription, data } = publication;
  writer.begin(recordType.keep, recordBytes - headerBytes, writer.detached(data.length));
  writer.u8((history === undefined ? 0 : hasHistoryFlag) | (id === undefined ? 0 : hasIdFlag));
  if (history !== undefined) {
    writer.u32(countOf(history.size));
    writer.f64(history.ttl > 0 ? history.ttl : 0);
  }
  if (id !== undefined) writer.string(id, Buffer.byteLength(id));
  writer.string(subscription, Buffer.byteLength(subscription));
  writeContent(writer, publication);
}

/** What the switch reads of it: the content stays as it is, a slice for use within this turn. */
export function readKeep(cursor: RecordCursor): {
  readonly options: PublishOptions;
  readonly name: string;
  readonly content: Buffer;
} {
  const flags = cursor.u8();
  if (flags > (hasHistoryFlag | hasIdFlag)) throw new MalformedRecordError(`unknown flags ${flags} of what is kept`);
  const size = (flags & hasHistoryFlag) === 0 ? 0 : cursor.u32();
  const ttl = (flags & hasHistoryFlag) === 0 ? 0 : cursor.f64();
  if (!(ttl >= 0)) throw new MalformedRecordError('a time to live that is no number of seconds');
  const id = (flags & hasIdFlag) === 0 ? undefined : cursor.string();
  const name = cursor.string();
  const options = {
    ...((flags & hasHistoryFlag) === 0 ? undefined : { history: { size, ttl } }),
    ...(id === undefined ? undefined : { id }),
  };
  return { options, name, content: cursor.rest() };
}

/** A publication as the switch sends it; with a position where it is kept. */
export function writeContentRecord(writer: RecordWriter, name: string, content: Buffer, position?: Position): void {
  const nameBytes = Buffer.byteLength(name);
  const bodyBytes = 4 + nameBytes + (position === undefined ? 0 : positionBytes(position)) + content.length;
  const type = position === undefined ? recordType.publication : recordType.positioned;
  writer.begin(type, bodyBytes, writer.detached(content.length));
  writer.string(name, nameBytes);
  if (position !== undefined) writePosition(writer, position);
  writer.data(content);
}

export function readPositioned(cursor: RecordCursor): Publication {
  const subscription = cursor.string();
  return readContent(cursor, subscription, readPosition(cursor));
}

/** The answer to a publication that is kept. */
export function writeKept(writer: RecordWriter, position: Position): void {
  writer.begin(recordType.kept, positionBytes(position));
  writePosition(writer, position);
}

export function readKept(cursor: RecordCursor): Position {
  const position = readPosition(cursor);
  cursor.finish();
  return position;
}

/** Bytes of a `read` record, header included. */
export function readRequestBytes(name: string, { since }: HistoryQuery): number {
  return headerBytes + 1 + 4 + 4 + Buffer.byteLength(name) + (since === undefined ? 0 : positionBytes(since));
}

/** Flags (u8); limit (u32); name; the position where flagged. */
export function writeReadRequest(writer: RecordWriter, name: string, query: HistoryQuery, recordBytes: number): void {
  const { since, limit, reverse = false } = query;
  writer.begin(recordType.read, recordBytes - headerBytes);
  writer.u8((since === undefined ? 0 : hasSinceFlag) | (reverse ? isReverseFlag : 0));
  writer.u32(countOf(limit));
  writer.string(name, Buffer.byteLength(name));
  if (since !== undefined) writePosition(writer, { epoch: since.epoch, offset: countOf(since.offset, maxOffset) });
}

export function readReadRequest(cursor: RecordCursor): { readonly name: string; readonly query: HistoryQuery } {
  const flags = cursor.u8();
  if (flags > (hasSinceFlag | isReverseFlag)) throw new MalformedRecordError(`unknown flags ${flags} of a reading`);
  const limit = cursor.u32();
  const name = cursor.string();
  const reverse = (flags & isReverseFlag) !== 0;
  const query = (flags & hasSinceFlag) === 0 ? { limit, reverse } : { limit, reverse, since: readPosition(cursor) };
  cursor.finish();
  return { name, query };
}

/** Why nothing is in it (u8); whether newest first (u8); position; offset of the first (u48); contents, each with its length. */
export function writeHistoryPage(writer: RecordWriter, page: StoredPage<Buffer>, isReverse: boolean): void {
  const { entries, first, position, lost } = page;
  let bodyBytes = 1 + 1 + positionBytes(position) + 6;
  let detached = 0;
  for (const content of entries) {
    bodyBytes += 4 + content.length;
    detached += writer.detached(content.length);
  }
  writer.begin(recordType.historyPage, bodyBytes, detached);
  writer.u8(losses.indexOf(lost));
  writer.u8(isReverse ? 1 : 0);
  writePosition(writer, position);
  writer.u48(entries.length === 0 ? 0 : first);
  for (const content of entries) {
    writer.u32(content.length);
    writer.data(content);
  }
}

/** @param name of the subscription that was asked for */
export function readHistoryPage(cursor: RecordCursor, name: string): HistoryPage {
  const loss = cursor.u8();
  if (loss >= losses.length) throw new MalformedRecordError(`an unknown loss ${loss} of a history`);
  const lost = losses[loss];
  const step = cursor.u8() === 0 ? 1 : -1;
  const position = readPosition(cursor);
  let offset = cursor.u48();
  const publications: Publication[] = [];
  while (!cursor.isAtEnd) {
    publications.push(readContent(cursor.block(), name, { epoch: position.epoch, offset }));
    offset += step;
  }
  return { publications, position, ...(lost === undefined ? undefined : { lost }) };
}
