/** Judges what a client of the JSON mode sent. Nothing here throws: a bad message becomes an `error` for its sender. */
import { Buffer } from 'node:buffer';
import { messageIdUnits, refUnits, type ClientMessage, type ErrorCode, type ErrorMessage } from './chat-protocol.ts';
import { checkNick } from './nick.ts';

type Fields = Readonly<Record<string, unknown>>;

/** @param textBytes longest text, in bytes of UTF-8 */
export function readClientMessage(data: string, textBytes: number): ClientMessage | ErrorMessage {
  const fields = parseObject(data);
  if (fields === undefined) {
    return complaint(
      'bad-json',
      null,
      'the message is not a JSON object; expected for example {"type":"message","text":"Hello"}',
    );
  }
  const ref = fields['ref'];
  if (ref !== undefined && (typeof ref !== 'string' || ref.length > refUnits)) {
    return complaint(
      'bad-field',
      'ref',
      `ref: found ${found(ref)}; expected a string of at most ${refUnits} characters, or nothing`,
    );
  }
  switch (fields['type']) {
    case 'message':
      return readText(fields, textBytes, ref);
    case 'nick':
      return readNick(fields, ref);
    case 'members':
      return { type: 'members', ...withRef(ref) };
    default:
      return complaint(
        'unknown-type',
        'type',
        `type: found ${found(fields['type'])}; expected "message", "nick" or "members"`,
        ref,
      );
  }
}

export function complaint(
  code: ErrorCode,
  field: string | null,
  message: string,
  ref: string | null | undefined = null,
): ErrorMessage {
  return { type: 'error', code, field, message, ref: ref ?? null };
}

function readText(fields: Fields, textBytes: number, ref: string | undefined): ClientMessage | ErrorMessage {
  const { text, id } = fields;
  const expectation = `expected a string of 1 to ${textBytes} bytes`;
  if (typeof text !== 'string' || text === '') {
    return complaint('bad-field', 'text', `text: found ${found(text)}; ${expectation}`, ref);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > textBytes) {
    return complaint('too-long', 'text', `text: has ${bytes} bytes; ${expectation} of UTF-8`, ref);
  }
  if (id !== undefined && (typeof id !== 'string' || id === '' || id.length > messageIdUnits)) {
    const expected = `expected a string of 1 to ${messageIdUnits} characters, or nothing`;
    return complaint('bad-field', 'id', `id: found ${found(id)}; ${expected}`, ref);
  }
  return { type: 'message', text, ...(id === undefined ? {} : { id }), ...withRef(ref) };
}

function readNick(fields: Fields, ref: string | undefined): ClientMessage | ErrorMessage {
  const { nick } = fields;
  if (typeof nick !== 'string')
    return complaint('bad-field', 'nick', `nick: found ${found(nick)}; expected a string`, ref);
  const check = checkNick(nick);
  if ('nick' in check) return { type: 'nick', nick: check.nick, ...withRef(ref) };
  return complaint(check.tooLong ? 'too-long' : 'bad-field', 'nick', `nick: ${check.problem}`, ref);
}

function withRef(ref: string | undefined): { ref?: string } {
  return ref === undefined ? {} : { ref };
}

function parseObject(data: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** A short picture of a value, safe to send back: never more than some dozens of characters of it. */
function found(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string')
    return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return JSON.stringify(value);
}
