/** A piece of a message: plain text, or a link whose text is its address. */
export interface TextPiece {
  readonly text: string;
  readonly href?: string;
}

/** http and https only; ends at spaces, quotes, angle brackets, and characters that are invisible or turn text around. */
const address = /\bhttps?:\/\/[^\s<>"'`\p{Cc}\p{Cf}]+/giu;
const closers: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
const trailing = /[.,:;!?…'’”*_~]$/u;

/** Finds the links in a text. Joining the pieces' texts gives the text again. */
export function linkify(text: string): TextPiece[] {
  const pieces: TextPiece[] = [];
  let end = 0;
  for (const match of text.matchAll(address)) {
    const link = withoutTrailing(match[0]);
    if (!URL.canParse(link)) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) });
    pieces.push({ text: link, href: link });
    end = match.index + link.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/** Punctuation at the end belongs to the sentence; so does a bracket that was not opened within the link. */
function withoutTrailing(link: string): string {
  for (;;) {
    const last = link.slice(-1);
    const opener = closers[last];
    const closesNothing = opener !== undefined && link.split(opener).length < link.split(last).length;
    if (!closesNothing && !trailing.test(link)) return link;
    link = link.slice(0, -1);
  }
}
