/** What a JSON client asks for in the query of its handshake. What it asks wrongly is left out, and it is told why. */
import type { Position } from '../../broker/broker.ts';
import { epochUnits, type ErrorMessage } from './chat-protocol.ts';
import { checkNick } from './nick.ts';
import { complaint } from './read-client-message.ts';

export interface Wishes {
  readonly nick?: string;
  readonly since?: Position;
  readonly problems: readonly ErrorMessage[];
}

export function readWishes(query: URLSearchParams): Wishes {
  const nick = readNick(query.get('nick'));
  const since = readSince(query.get('since'));
  return {
    ...(typeof nick === 'string' ? { nick } : {}),
    ...(since !== undefined && 'epoch' in since ? { since } : {}),
    problems: [nick, since].filter((wish) => typeof wish === 'object' && 'code' in wish),
  };
}

function readNick(raw: string | null): string | ErrorMessage | undefined {
  if (raw === null) return undefined;
  const check = checkNick(raw);
  return 'nick' in check
    ? check.nick
    : complaint(check.tooLong ? 'too-long' : 'bad-field', 'nick', `nick: ${check.problem}`);
}

/** `<epoch>:<offset>`; the epoch is opaque. */
function readSince(raw: string | null): Position | ErrorMessage | undefined {
  if (raw === null) return undefined;
  const [, epoch, digits] = /^(.+):(\d{1,16})$/su.exec(raw) ?? [];
  const offset = Number(digits);
  if (epoch !== undefined && epoch.length <= epochUnits && Number.isSafeInteger(offset)) return { epoch, offset };
  const found = raw.length > 40 ? `${raw.length} characters` : JSON.stringify(raw);
  return complaint('bad-field', 'since', `since: found ${found}; expected <epoch>:<offset> of a position in this room`);
}
