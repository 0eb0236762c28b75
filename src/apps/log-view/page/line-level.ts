/** Finds out how severe a line is, from what programs usually write. */

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** pino's numbers; custom ones fall to the named level below them. */
export function levelOfNumber(number: number): Level {
  if (number >= 60) return 'fatal';
  if (number >= 50) return 'error';
  if (number >= 40) return 'warn';
  if (number >= 30) return 'info';
  return number >= 20 ? 'debug' : 'trace';
}

const levelOfWord = new Map<string, Level>([
  ...(['fatal', 'critical', 'crit', 'emerg', 'emergency', 'alert', 'panic'] as const).map(
    (word) => [word, 'fatal'] as const,
  ),
  ...(['error', 'err', 'severe', 'bug'] as const).map((word) => [word, 'error'] as const),
  ...(['warn', 'warning'] as const).map((word) => [word, 'warn'] as const),
  ...(['info', 'notice', 'information'] as const).map((word) => [word, 'info'] as const),
  ['debug', 'debug'],
  ...(['trace', 'verbose'] as const).map((word) => [word, 'trace'] as const),
]);

export function levelNamed(word: string): Level | undefined {
  return levelOfWord.get(word.toLowerCase());
}

const words = [...levelOfWord.keys()];
const capitals = words.map((word) => word.toUpperCase()).join('|');
const initials = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('|');

/**
 * A word in capitals; a capitalised word before a colon (NaviServer's `Notice:`, `Debug(task):`); any case in square
 * brackets (nginx, Apache's `[core:error]`) or after `level=` (logfmt).
 */
const severityWord = new RegExp(
  `\\b(${capitals})\\b` +
    `|(?<![\\w-])(${initials})(?=(?:\\([^)]*\\))?:)` +
    `|\\[(?:[\\w-]+:)?(${[...words, ...words.map((word) => word.toUpperCase())].join('|')})\\]` +
    `|\\b(?:level|lvl|severity)=["']?(${words.join('|')})\\b`,
);

/** How far into a line the word may stand: programs write it at the front, and messages talk about errors too. */
const searchedCharacters = 160;

export interface FoundLevel {
  readonly level: Level;
  /** Where the word stands in the text. */
  readonly start: number;
  readonly end: number;
}

/** @param text without escape sequences */
export function findLevel(text: string): FoundLevel | undefined {
  const match = severityWord.exec(text.length > searchedCharacters ? text.slice(0, searchedCharacters) : text);
  const word = match?.[1] ?? match?.[2] ?? match?.[3] ?? match?.[4];
  const level = word === undefined ? undefined : levelNamed(word);
  if (!match || word === undefined || !level) return undefined;
  const start = match.index + match[0].lastIndexOf(word);
  return { level, start, end: start + word.length };
}

/** Common and combined log format: `address identity user [time] "request" status …`. */
const accessLine = /^\S+ \S+ .{0,200}?\[[^\]]{10,40}\] "(?:[^"\\]|\\.)*" ([1-5]\d\d)(?= )/;

export interface FoundStatus {
  readonly level: Level | undefined;
  /** `status-2` for 2xx, and so on. */
  readonly look: string;
  readonly start: number;
  readonly end: number;
}

/** @param text without escape sequences */
export function findStatus(text: string): FoundStatus | undefined {
  const match = accessLine.exec(text);
  const status = match?.[1];
  if (!match || status === undefined) return undefined;
  const end = match[0].length;
  const level = status >= '500' ? 'error' : status >= '400' ? 'warn' : undefined;
  return { level, look: `status-${status.charAt(0)}`, start: end - 3, end };
}
