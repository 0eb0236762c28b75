// The access log's format: Apache's combined format, then three fields of our own.
//
//   <ip> - <user|-> [<date>] "<request line>" <status> <bytes|-> "<referer>" "<user agent>" <duration> <close code|-> <id>
//
// docs/access-log.md describes the fields. No byte a client sends can end a field or a line: `"`, `\` and everything
// outside printable ASCII is written \xHH per byte, and values of `?token=` are masked.

/** What is known of a request when it comes in. */
export interface AccessFacts {
  readonly address: string;
  readonly user: string | undefined;
  readonly date: Date;
  readonly method: string;
  /** The request target as received. */
  readonly target: string;
  readonly httpVersion: string;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
}

/** A line without what is known only at its end: a line break, which no field can hold, is where the status goes. */
export type UnfinishedLine = string;

const gap = '\n';

const targetCharacters = 2_048;
const headerCharacters = 1_024;

/**
 * A parameter named `token`, as URLSearchParams reads it. One expression, because this is done for every request, and
 * what is done per parameter costs milliseconds where there is nothing but parameters.
 */
const tokenParameter = /([?&](?:t|%74)(?:o|%6[Ff])(?:k|%6[Bb])(?:e|%65)(?:n|%6[Ee])=)[^&]+/g;

/** What every parameter has before it. */
const separator = /[?&]/;

/** What may not be in a field as it is. */
const unsafe = /[^ !#-[\]-~]/;
const allUnsafe = new RegExp(unsafe, 'g');

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function beginLine(facts: AccessFacts): UnfinishedLine {
  const { address, user, date, method, target, httpVersion, referer, userAgent } = facts;
  const requestLine = method === '' ? '-' : `${method} ${addressField(target, targetCharacters)} HTTP/${httpVersion}`;
  const start = `${field(address, headerCharacters) || '-'} - ${userField(user)} [${formatDate(date)}] "${requestLine}" `;
  const refererField = referer === undefined ? '-' : addressField(referer, headerCharacters);
  const agentField = userAgent === undefined ? '-' : field(userAgent, headerCharacters);
  const end = ` "${refererField}" "${agentField}" `;
  // Through a buffer: a string put together from parts would keep the parts, and a connection keeps its line for life.
  return Buffer.from(start + gap + end, 'latin1').toString('latin1');
}

/**
 * @param bytes undefined when not known
 * @param id of the request, or of the connection it became; of characters that need no escaping. Given here rather than
 * at the beginning: a connection has it already, and the line it keeps for life need not have it once more.
 * @param closeCode of a WebSocket connection
 */
export function endLine(
  line: UnfinishedLine,
  status: number,
  bytes: number | undefined,
  durationMs: number,
  id: string,
  closeCode?: number,
): string {
  const at = line.indexOf(gap);
  const rest = line.slice(at + gap.length);
  return `${line.slice(0, at)}${status} ${bytes ?? '-'}${rest}${Math.round(durationMs)} ${closeCode ?? '-'} ${id}\n`;
}

/** The target or address with the values of `token` parameters masked, however the name is spelt. */
export function maskTokens(address: string): string {
  return separator.test(address) ? address.replaceAll(tokenParameter, '$1***') : address;
}

/** A target or referer. What is cut off needs no mask, and half a token is masked as a whole one is. */
function addressField(address: string, length: number): string {
  return escapeCharacters(maskTokens(address.slice(0, length))) + cutMark(address, length);
}

/** A header or target as Node gives it: one character per byte. */
function field(value: string, length: number): string {
  return escapeCharacters(value.slice(0, length)) + cutMark(value, length);
}

function cutMark(value: string, length: number): string {
  return value.length > length ? '...' : '';
}

function escapeCharacters(value: string): string {
  // Replacing costs a microsecond where there is nothing to replace, and this is done for every request.
  return unsafe.test(value) ? value.replaceAll(allUnsafe, escapeCharacter) : value;
}

/** Users may have any name; spaces are escaped too, so that the field stays one word. */
function userField(user: string | undefined): string {
  if (user === undefined || user === '') return '-';
  return field(Buffer.from(user).toString('latin1'), headerCharacters).replaceAll(' ', '\\x20');
}

function escapeCharacter(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** Many requests come in the same second. */
let lastDate = { second: NaN, text: '' };

/** `10/Oct/2000:13:55:36 +0000`, always UTC. */
function formatDate(date: Date): string {
  const second = Math.floor(date.getTime() / 1_000);
  if (second !== lastDate.second) {
    const iso = date.toISOString();
    const day = `${iso.slice(8, 10)}/${months[date.getUTCMonth()]}/${iso.slice(0, 4)}`;
    lastDate = { second, text: `${day}:${iso.slice(11, 19)} +0000` };
  }
  return lastDate.text;
}
