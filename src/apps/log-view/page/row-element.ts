import type { Line } from './line-ring.ts';
import type { LineFilter } from './line-filter.ts';
import { markSpans } from './mark-spans.ts';
import type { PresentedLine } from './present-line.ts';
import { spansText, type Span } from './span.ts';

export interface RowLook {
  readonly filter: LineFilter;
  readonly wrap: boolean;
  /** Where lines of several nodes or files are shown together, each says where it is from. */
  readonly origin: string | undefined;
  /** A line is shown whole, however long. */
  readonly whole: boolean;
}

/** A line longer than this is shown whole on request only: it would hold up the page whenever it scrolls by. */
export const shownCharactersCap = 8_192;

/** How many looks origins have, so that neighbours are told apart at a glance. */
const originLooks = 6;

/** Text enters the document as text nodes only; a log is what strangers wrote. */
export function rowElement(line: Line, presented: PresentedLine, look: RowLook): HTMLElement {
  const row = document.createElement('div');
  row.dataset['serial'] = String(line.serial);
  if (line.notice) {
    row.className = 'row notice';
    row.append(element('span', 'text', line.text));
    return row;
  }
  row.className = presented.level === undefined ? 'row' : `row level-${presented.level}`;
  if (look.origin !== undefined) row.append(element('span', `origin origin-${originLook(look.origin)}`, look.origin));
  const text = element('span', 'text');
  const full = spansText(presented.spans);
  const spans =
    look.whole || full.length <= shownCharactersCap
      ? presented.spans
      : firstCharacters(presented.spans, shownCharactersCap);
  for (const span of markSpans(spans, look.filter.ranges(spansText(spans)))) {
    // One row is one line high unless lines wrap.
    const shown = look.wrap ? span.text : span.text.replaceAll('\n', '⏎');
    const piece = span.marked ? element('mark', span.look, shown) : element('span', span.look, shown);
    if (span.foreground !== undefined) {
      piece.classList.add('fg-exact');
      piece.style.setProperty('--fg', span.foreground);
    }
    if (span.background !== undefined) {
      piece.classList.add('bg-exact');
      piece.style.setProperty('--bg', span.background);
    }
    text.append(piece);
  }
  if (spans !== presented.spans) {
    const more = element(
      'button',
      'more',
      `… ${(full.length - shownCharactersCap).toLocaleString('en')} more characters`,
    );
    more.setAttribute('type', 'button');
    text.append(more);
  }
  row.append(text);
  return row;
}

function element(name: string, className: string, text?: string): HTMLElement {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function firstCharacters(spans: readonly Span[], characters: number): Span[] {
  const first: Span[] = [];
  let rest = characters;
  for (const span of spans) {
    if (rest <= 0) break;
    first.push(span.text.length <= rest ? span : { ...span, text: span.text.slice(0, rest) });
    rest -= span.text.length;
  }
  return first;
}

function originLook(origin: string): number {
  let hash = 0;
  for (let i = 0; i < origin.length; i++) hash = (hash * 31 + origin.charCodeAt(i)) >>> 0;
  return hash % originLooks;
}
