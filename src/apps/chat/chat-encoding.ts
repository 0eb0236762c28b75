/**
 * How a room's publications travel and how they look to JSON clients. One publication serves both kinds of clients: its
 * data is the line that plain clients and Redis see, `<address>: <text>`; its `info` says who spoke and when.
 */
import type { PresenceMember, Publication } from '../../broker/broker.ts';
import type { Encoding, Message } from '../../gateway/encoding.ts';
import type { Member, ServerMessage } from './chat-protocol.ts';

/** What a publication's `info` holds. The text is not repeated there: it is the data after `<address>: `. */
interface SpeechInfo extends Member {
  readonly address: string;
  readonly at: string;
}

/** The line that plain clients see. */
export function plainLine(address: string, text: string): string {
  return `${address}: ${text}`;
}

export function speechInfo(from: Member & { readonly address: string }, at: string): string {
  const info: SpeechInfo = { id: from.id, nick: from.nick, user: from.user, address: from.address, at };
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
    // Binary data has no place in a room of text; a member cannot send any, and what another program publishes stays out.
    if (publication.kind === 'binary') return undefined;
    return toMessage(speechOf(publication) ?? fromProgram(publication));
  },
  presence: ({ type, member }) => toMessage({ type, member: memberOf(member), at: new Date().toISOString() }),
  gap: () => toMessage({ type: 'gap', at: new Date().toISOString() }),
};

/** undefined: this is not what a member of a room published. */
function speechOf(publication: Publication): ServerMessage | undefined {
  const info = parseFields(publication.info);
  const id = info?.['id'];
  const at = info?.['at'];
  const address = info?.['address'];
  if (typeof id !== 'string' || typeof at !== 'string' || typeof address !== 'string') return undefined;
  const line = publication.data.toString();
  const prefix = plainLine(address, '');
  if (!line.startsWith(prefix)) return undefined;
  const from: Member = { id, nick: stringOrNull(info?.['nick']), user: stringOrNull(info?.['user']), address };
  return { type: 'message', from, text: line.slice(prefix.length), at };
}

function fromProgram(publication: Publication): ServerMessage {
  return { type: 'message', from: null, text: publication.data.toString(), at: new Date().toISOString() };
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

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
