/**
 * How a room's publications travel and how they look to JSON clients. One publication serves both kinds of clients: its
 * data is the line that plain clients and Redis see, `<address>: <text>`; its `info` says who spoke and when.
 */
import type { PresenceMember, Publication } from '../../broker/broker.ts';
import type { Encoding, Message } from '../../gateway/encoding.ts';
import { everyone } from '../../gateway/subscription-name.ts';
import type { Member, ServerMessage, TextMessage } from './chat-protocol.ts';

/** What a publication's `info` holds. The text is not repeated there: it is the data after `<address>: `. */
interface SpeechInfo extends Member {
  readonly address: string;
  readonly at: string;
  /** The sender's own name for the message. */
  readonly messageId?: string;
}

/** The line that plain clients see. */
export function plainLine(address: string, text: string): string {
  return `${address}: ${text}`;
}

export function speechInfo(from: Member & { readonly address: string }, at: string, messageId?: string): string {
  const { id, nick, user, address } = from;
  const info: SpeechInfo = { id, nick, user, address, at, ...(messageId === undefined ? {} : { messageId }) };
  return JSON.stringify(info);
}

/** What a member's presence `info` holds; id and user travel beside it. */
export function presenceInfo(member: Pick<Member, 'nick' | 'address'>): string {
  return JSON.stringify({ nick: member.nick, address: member.address });
}

export function memberOf({ connectionId, user, info }: PresenceMember): Member {
  const known = parseFields(info);
  return {
    id: connectionId,
    nick: stringOrNull(known?.['nick']),
    user: user ?? null,
    address: stringOrNull(known?.['address']),
  };
}

export const chatEncoding: Encoding = {
  name: 'chat-json',
  publication: (publication) => {
    const message = messageOf(publication, now);
    return message && toMessage(message);
  },
  recalled: (publication) => {
    const json = recalled(publication);
    return json === undefined ? undefined : { data: json, kind: 'text' };
  },
  presence: ({ type, member }) => toMessage({ type, member: memberOf(member), at: now() }),
  // Every connection is in `all` too, which has no history; that is no reason to say that the room's messages are missing.
  gap: (subscription, missed) =>
    subscription === everyone
      ? undefined
      : toMessage({ type: 'gap', ...(missed === undefined ? {} : { missed }), at: now() }),
  presenceGap: () => toMessage({ type: 'stale', at: now() }),
};

/** What `chatEncoding` makes of a publication, for one that was published earlier. */
export function recalled(publication: Publication): string | undefined {
  // When another program published it, it did not say.
  const message = messageOf(publication, () => null);
  return message && JSON.stringify(message);
}

/** @param heardAt tells the time of a message that does not tell its own */
function messageOf(publication: Publication, heardAt: () => string | null): TextMessage | undefined {
  // Binary data has no place in a room of text; a member cannot send any, and what another program publishes stays out.
  if (publication.kind === 'binary') return undefined;
  const message = speechOf(publication) ?? fromProgram(publication, heardAt());
  return publication.position === undefined ? message : { ...message, position: publication.position };
}

/** undefined: this is not what a member of a room published. */
function speechOf(publication: Publication): TextMessage | undefined {
  const info = parseFields(publication.info);
  const id = info?.['id'];
  const at = info?.['at'];
  const address = info?.['address'];
  if (typeof id !== 'string' || typeof at !== 'string' || typeof address !== 'string') return undefined;
  const line = publication.data.toString();
  const prefix = plainLine(address, '');
  if (!line.startsWith(prefix)) return undefined;
  const from: Member = { id, nick: stringOrNull(info?.['nick']), user: stringOrNull(info?.['user']), address };
  const text = line.slice(prefix.length);
  const messageId = info?.['messageId'];
  return { type: 'message', from, text, at, ...(typeof messageId === 'string' ? { id: messageId } : {}) };
}

function fromProgram(publication: Publication, at: string | null): TextMessage {
  return { type: 'message', from: null, text: publication.data.toString(), at };
}

function toMessage(message: ServerMessage): Message {
  return { data: JSON.stringify(message), kind: 'text' };
}

function parseFields(json: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (json === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    // Some other program's info in some other shape.
    return undefined;
  }
}

function now(): string {
  return new Date().toISOString();
}

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
