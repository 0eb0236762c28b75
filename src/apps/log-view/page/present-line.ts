/** Decides how one line of a log is shown: its level, and its text in spans. */
import { hasAnsi, parseAnsi, stripAnsi } from './ansi.ts';
import { findLevel, findStatus, type Level } from './line-level.ts';
import { jsonFields, levelOf, prettyLine } from './pretty-line.ts';
import { plainSpan, spansText, type Span } from './span.ts';

export interface PresentedLine {
  readonly level: Level | undefined;
  readonly spans: readonly Span[];
}

/** @param pretty whether JSON lines are shown as time, level, message and the rest */
export function presentLine(text: string, pretty: boolean): PresentedLine {
  const fields = jsonFields(text);
  if (fields && pretty) return prettyLine(fields);
  if (fields) return { level: levelOf(fields), spans: [plainSpan(stripAnsi(text))] };
  const ansi = hasAnsi(text);
  const spans = parseAnsi(text);
  const shown = spansText(spans);
  const status = findStatus(shown);
  if (status)
    return { level: status.level, spans: ansi ? spans : cut(shown, status.start, status.end, `http ${status.look}`) };
  const found = findLevel(shown);
  if (!found) return { level: undefined, spans };
  // A program that colours its own lines has decided what its level words look like.
  return { level: found.level, spans: ansi ? spans : cut(shown, found.start, found.end, `word-${found.level}`) };
}

/** The text of `presentLine`'s spans, without the work for their looks; what the filter searches. */
export function shownText(text: string, pretty: boolean): string {
  const fields = pretty ? jsonFields(text) : undefined;
  return fields ? spansText(prettyLine(fields).spans) : stripAnsi(text);
}

function cut(text: string, start: number, end: number, look: string): Span[] {
  return [plainSpan(text.slice(0, start)), plainSpan(text.slice(start, end), look), plainSpan(text.slice(end))].filter(
    (span) => span.text !== '',
  );
}
