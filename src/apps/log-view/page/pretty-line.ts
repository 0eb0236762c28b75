/** Turns pino's JSON lines, and JSON lines like them, into what a person reads: time, level, message, the rest. */
import { levelNamed, levelOfNumber, type Level } from './line-level.ts';
import { stripAnsi } from './ansi.ts';
import { plainSpan, type Span } from './span.ts';

export interface PrettyLine {
  readonly level: Level | undefined;
  readonly spans: readonly Span[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Fields that say the same on every line; the raw line has them. */
const constantFields = new Set(['pid', 'hostname', 'v']);
const messageFields = ['msg', 'message'];
const timeFields = ['time', 'timestamp', 'ts', '@timestamp'];
const levelFields = ['level', 'severity', 'lvl'];

/** The fields of a line that is one JSON object and has a level or a message; undefined for any other line. */
export function jsonFields(text: string): Fields | undefined {
  if (!text.startsWith('{') || !text.trimEnd().endsWith('}')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Fields;
  return levelOf(fields) !== undefined || messageFields.some((name) => typeof fields[name] === 'string')
    ? fields
    : undefined;
}

export function levelOf(fields: Fields): Level | undefined {
  for (const name of levelFields) {
    const value = fields[name];
    if (typeof value === 'number') return levelOfNumber(value);
    if (typeof value === 'string') return levelNamed(value);
  }
  return undefined;
}

export function prettyLine(fields: Fields): PrettyLine {
  const level = levelOf(fields);
  const timeField = timeFields.find((name) => clock(fields[name]) !== undefined);
  const messageField = messageFields.find((name) => typeof fields[name] === 'string');
  const spans: Span[] = [];
  if (timeField !== undefined) spans.push(plainSpan(`${clock(fields[timeField])} `, 'time'));
  if (level !== undefined)
    spans.push(plainSpan(level.toUpperCase().padEnd(5), `level-word word-${level}`), plainSpan(' '));
  if (messageField !== undefined) spans.push(plainSpan(readable(String(fields[messageField])), 'message'));
  const shown = new Set([timeField, messageField]);
  for (const [name, value] of Object.entries(fields)) {
    if (shown.has(name) || constantFields.has(name) || (level !== undefined && levelFields.includes(name))) continue;
    spans.push(
      plainSpan(`${spans.length > 0 ? '  ' : ''}${stripAnsi(name)}=`, 'key'),
      plainSpan(written(value), 'value'),
    );
  }
  return { level, spans };
}

/** Milliseconds or seconds since 1970, or an ISO 8601 string, as a clock time in the reader's time zone. */
function clock(value: unknown): string | undefined {
  const number = typeof value === 'number' && value < 1e11 ? value * 1_000 : value;
  if (typeof number !== 'number' && typeof number !== 'string') return undefined;
  const time = new Date(number);
  if (Number.isNaN(time.getTime())) return undefined;
  const [hours, minutes, seconds] = [time.getHours(), time.getMinutes(), time.getSeconds()].map((n) =>
    String(n).padStart(2, '0'),
  );
  return `${hours}:${minutes}:${seconds}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** Strings without blanks as they are, everything else as JSON; a stack trace keeps its lines. */
function written(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"]+$/.test(value)) return stripAnsi(value);
  if (!isErrorLike(value)) return stripAnsi(JSON.stringify(value) ?? '');
  const others = Object.entries(value).filter(([name]) => !['type', 'message', 'stack'].includes(name));
  const rest = others.length > 0 ? ` ${stripAnsi(JSON.stringify(Object.fromEntries(others)))}` : '';
  return `${readable(value.stack)}${rest}`;
}

function isErrorLike(value: unknown): value is { readonly stack: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string';
}

/** Without sequences and controls, but with its line ends. */
function readable(text: string): string {
  return text.split('\n').map(stripAnsi).join('\n');
}
