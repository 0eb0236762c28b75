/** A piece of a shown line: text of one look. What a row shows is the spans' text, end to end. */
export interface Span {
  readonly text: string;
  /** What the piece is, as CSS class names separated by spaces; empty for plain text. */
  readonly look: string;
  /** Colours of the 256-colour cube or true colour, as CSS `rgb()`; the sixteen named ones are looks. */
  readonly foreground?: string;
  readonly background?: string;
}

export function plainSpan(text: string, look = ''): Span {
  return { text, look };
}

export function spansText(spans: readonly Span[]): string {
  return spans.length === 1 && spans[0] ? spans[0].text : spans.map((span) => span.text).join('');
}
