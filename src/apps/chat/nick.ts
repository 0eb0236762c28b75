/** What a nickname may be. Shared by the server and the page. */
import { nickCharacters } from './chat-protocol.ts';

export type NickCheck = { readonly nick: string } | { readonly problem: string; readonly tooLong: boolean };

/** Bounds the work of counting, and stacks of combining marks that count as one character. UTF-16 code units. */
const nickUnits = 256;

const lineOrControl = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;
/**
 * Characters that show nothing or turn the text around them: bidirectional controls, zero-width spaces, soft hyphens.
 * ZWNJ and ZWJ are spared, because Persian and many emoji are spelled with them, and so are emoji tag characters.
 */
const invisible = /(?!\u200C|\u200D|[\u{E0020}-\u{E007F}])\p{Cf}/u;
const visible = /[\p{L}\p{N}\p{P}\p{S}]/u;

/**
 * Trims, normalises to NFC, makes runs of spaces one space, and judges.
 * @returns the nickname as it is used, or the problem as a sentence that names the expectation
 */
export function checkNick(raw: string): NickCheck {
  const bad = (problem: string, tooLong = false): NickCheck => ({ problem, tooLong });
  if (raw.length > 4 * nickUnits) return bad(tooLongProblem, true);
  const trimmed = raw.trim();
  if (trimmed === '') return bad(`is empty; expected 1 to ${nickCharacters} characters`);
  if (lineOrControl.test(trimmed)) return bad('has a line break or another control character; expected none');
  if (invisible.test(trimmed)) {
    return bad('has an invisible character or one that changes the direction of text; expected none');
  }
  if (!visible.test(trimmed)) return bad('has nothing to see in it; expected at least one visible character');
  const nick = trimmed.normalize('NFC').replaceAll(/\p{Zs}+/gu, ' ');
  if (nick.length > nickUnits || characters(nick) > nickCharacters) return bad(tooLongProblem, true);
  return { nick };
}

const tooLongProblem = `is too long; expected 1 to ${nickCharacters} characters`;

function characters(text: string): number {
  return [...new Intl.Segmenter().segment(text)].length;
}
