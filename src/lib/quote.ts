/** Control, invisible and direction-changing characters that JSON leaves as they are but a terminal does not. */
const unprintable = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** A string in double quotes, safe to print on a terminal, with at most `length` of its UTF-16 units. */
export function quote(text: string, length = 80): string {
  const shown = text.length <= length ? text : `${text.slice(0, length - 1)}…`;
  return JSON.stringify(shown).replaceAll(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
