import { isUtf8 } from 'node:buffer';
import type { MessageKind, Position, PresenceEvent, PresenceMember, Publication } from '../broker.ts';
import {
  EnvelopeReader,
  envelopeStart,
  envelopeType,
  fieldTag,
  writeEnvelope,
  writeFields,
  type Field,
} from './envelope.ts';

/** What came over a channel. */
export type Payload =
  | { readonly type: 'publication'; readonly publication: Publication }
  | { readonly type: 'presence'; readonly event: PresenceEvent }
  /** Goes with a page of members, see `RedisPresence`. */
  | { readonly type: 'fence'; readonly token: string }
  /** To be counted and skipped. */
  | { readonly type: 'malformed'; readonly problem: string };

const none: readonly string[] = Object.freeze([]);

/** A bare payload where that says all but when it was published, else an envelope. */
export function encodePublication(publication: Publication): Buffer {
  return encode(publication, publication.publishedMs);
}

/** As it is kept in the history: without a position, and without the time, which is only wanted of what is live. */
export function encodeKept({ subscription, data, kind, exclude, info }: Publication): Buffer {
  return encode({ subscription, data, kind, exclude, ...(info === undefined ? {} : { info }) }, undefined);
}

function encode({ data, kind, exclude, info, position }: Publication, publishedMs: number | undefined): Buffer {
  const isBinary = kind === 'binary' && isUtf8(data);
  if (exclude.length === 0 && info === undefined && position === undefined && !isBinary) {
    if (data[0] !== envelopeStart) return data;
  }
  const fields: Field[] = [];
  if (position !== undefined) fields.push({ tag: fieldTag.position, value: positionValue(position) });
  if (isBinary) fields.push({ tag: fieldTag.binary, value: '' });
  for (const id of exclude) fields.push({ tag: fieldTag.exclude, value: id });
  if (info !== undefined) fields.push({ tag: fieldTag.info, value: info });
  if (publishedMs !== undefined) fields.push({ tag: fieldTag.published, value: u64(publishedMs) });
  return writeEnvelope(envelopeType.publication, fields, data);
}

/** Never throws, whatever the bytes are. What it returns shares memory with `payload`. */
export function decodePayload(subscription: string, payload: Buffer): Payload {
  if (payload[0] !== envelopeStart) {
    return {
      type: 'publication',
      publication: { subscription, data: payload, kind: kindOf(payload), exclude: none },
    };
  }
  const reader = new EnvelopeReader(payload);
  switch (reader.problem === undefined ? reader.type : 0) {
    case envelopeType.publication:
      return decodePublication(subscription, reader);
    case envelopeType.join:
      return decodeEvent(subscription, 'join', reader);
    case envelopeType.update:
      return decodeEvent(subscription, 'update', reader);
    case envelopeType.leave:
      return decodeEvent(subscription, 'leave', reader);
    case envelopeType.fence:
      while (reader.next());
      if (reader.problem !== undefined) return malformed(reader);
      return { type: 'fence', token: reader.data.toString() };
    default:
      return { type: 'malformed', problem: reader.problem ?? `the envelope is of the unknown type ${reader.type}` };
  }
}

function decodePublication(subscription: string, reader: EnvelopeReader): Payload {
  let exclude: string[] | undefined;
  let info: string | undefined;
  let position: Position | undefined;
  let publishedMs: number | undefined;
  let isBinary = false;
  while (reader.next()) {
    const { tag, value } = reader;
    if (tag === fieldTag.exclude) (exclude ??= []).push(value.toString());
    else if (tag === fieldTag.info) info = value.toString();
    else if (tag === fieldTag.binary) isBinary = true;
    else if (tag === fieldTag.published) publishedMs = value.length === 8 ? readU64(value) : undefined;
    else if (tag === fieldTag.position) {
      position = readPosition(value);
      if (position === undefined) return { type: 'malformed', problem: 'the position is not one' };
    } else return unknownField(tag);
  }
  if (reader.problem !== undefined) return malformed(reader);
  const { data } = reader;
  const publication: Publication = {
    subscription,
    data,
    kind: isBinary ? 'binary' : kindOf(data),
    exclude: exclude ?? none,
    ...(info === undefined ? {} : { info }),
    ...(position === undefined ? {} : { position }),
    ...(publishedMs === undefined ? {} : { publishedMs }),
  };
  return { type: 'publication', publication };
}

function decodeEvent(subscription: string, type: PresenceEvent['type'], reader: EnvelopeReader): Payload {
  const member = readMember(reader);
  return typeof member === 'string'
    ? { type: 'malformed', problem: member }
    : { type: 'presence', event: { subscription, type, member } };
}

/**
 * A member as it is stored: the fields of its events, behind the broker that entered it. The scripts count on this
 * order: owner, user, the others.
 * @param owner at most 127 bytes
 */
export function encodeMember({ connectionId, user, info }: PresenceMember, owner: string): Buffer {
  const fields: Field[] = [{ tag: fieldTag.owner, value: owner }];
  if (user !== undefined) fields.push({ tag: fieldTag.user, value: user });
  fields.push({ tag: fieldTag.connection, value: connectionId });
  if (info !== undefined) fields.push({ tag: fieldTag.info, value: info });
  return writeFields(fields);
}

/** undefined: it is malformed. */
export function decodeMember(stored: Buffer): PresenceMember | undefined {
  const member = readMember(new EnvelopeReader(stored, 0));
  return typeof member === 'string' ? undefined : member;
}

/** A string says what is wrong with it. */
function readMember(reader: EnvelopeReader): PresenceMember | string {
  let connectionId: string | undefined;
  let user: string | undefined;
  let info: string | undefined;
  while (reader.next()) {
    const { tag, value } = reader;
    if (tag === fieldTag.connection) connectionId = value.toString();
    else if (tag === fieldTag.user) user = value.toString();
    else if (tag === fieldTag.info) info = value.toString();
    else if (tag !== fieldTag.owner && tag !== fieldTag.published) return `field ${tag} is unknown`;
  }
  if (reader.problem !== undefined) return reader.problem;
  if (connectionId === undefined) return 'a member without a connection';
  return { connectionId, ...(user === undefined ? {} : { user }), ...(info === undefined ? {} : { info }) };
}

function kindOf(data: Buffer): MessageKind {
  return isUtf8(data) ? 'text' : 'binary';
}

/** The offset in eight bytes, most significant first, then the epoch. */
function positionValue({ epoch, offset }: Position): Buffer {
  return Buffer.concat([u64(offset), Buffer.from(epoch)]);
}

function readPosition(value: Buffer): Position | undefined {
  if (value.length < 8) return undefined;
  const offset = readU64(value);
  return offset === undefined ? undefined : { epoch: value.toString('utf8', 8), offset };
}

function u64(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}

/** undefined: it is more than a number can hold exactly. */
function readU64(bytes: Buffer): number | undefined {
  const number = bytes.readUInt32BE(0) * 2 ** 32 + bytes.readUInt32BE(4);
  return Number.isSafeInteger(number) ? number : undefined;
}

function unknownField(tag: number): Payload {
  return { type: 'malformed', problem: `field ${tag} is unknown` };
}

function malformed({ problem = '' }: EnvelopeReader): Payload {
  return { type: 'malformed', problem };
}
