/**
 * Reads terminal escape sequences (ECMA-48, xterm's ctlseqs) in one line of a log. Colours and emphasis (SGR) become
 * looks; every other sequence is dropped; control characters that are left become visible symbols, so that no escape
 * sequence ever reaches the screen raw. Each line begins plain: a virtualised list shows lines in any order.
 */
import type { Span } from './span.ts';

/** CSI; OSC, DCS, SOS, PM and APC strings up to their terminator; escapes of two and three characters; a lone one. */
const sequence =
  // eslint-disable-next-line no-control-regex
  /(?:\x1b\[|\x9b)([0-?]*)([ -/]*)([@-~]?)|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x9c|\x1b\\|$)|\x1b[ -/]+[0-~]?|\x1b[0-~]?/g;

// eslint-disable-next-line no-control-regex
const anyEscape = /[\x1b\x90\x98\x9b\x9d-\x9f]/;

// eslint-disable-next-line no-control-regex
const controls = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;

export function hasAnsi(text: string): boolean {
  return anyEscape.test(text);
}

/** The text as a reader sees it: without sequences, control characters as symbols. */
export function stripAnsi(text: string): string {
  return showControls(anyEscape.test(text) ? text.replace(sequence, '') : text);
}

export function parseAnsi(text: string): Span[] {
  if (!anyEscape.test(text)) return [{ text: showControls(text), look: '' }];
  const spans: Span[] = [];
  const pen = new Pen();
  let from = 0;
  for (const match of text.matchAll(sequence)) {
    if (match.index > from) spans.push(pen.span(showControls(text.slice(from, match.index))));
    from = match.index + match[0].length;
    if (match[3] === 'm' && match[2] === '') pen.apply(match[1] ?? '');
  }
  if (from < text.length || spans.length === 0) spans.push(pen.span(showControls(text.slice(from))));
  return spans;
}

/** C0 controls become the symbols of Unicode's Control Pictures block; a tab stays; C1 controls become U+FFFD. */
function showControls(text: string): string {
  return text.replace(controls, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/** A colour as SGR gives it: one of the sixteen named ones, or exact. */
type Colour = number | string | undefined;

/** The looks that are in force while a line is read. */
class Pen {
  readonly #emphases = new Set<string>();
  #foreground: Colour;
  #background: Colour;
  #inverse = false;

  span(text: string): Span {
    const looks = [...this.#emphases];
    const [foreground, background] = this.#colours();
    if (typeof foreground === 'number') looks.push(`fg-${foreground}`);
    if (typeof background === 'number') looks.push(`bg-${background}`);
    if (foreground === 'inverse') looks.push('fg-inverse');
    if (background === 'inverse') looks.push('bg-inverse');
    return {
      text,
      look: looks.join(' '),
      ...(isExact(foreground) && { foreground }),
      ...(isExact(background) && { background }),
    };
  }

  /** Inverse text on a colour keeps the colour of plain text: backgrounds are tints on which that is legible. */
  #colours(): [foreground: Colour, background: Colour] {
    if (!this.#inverse) return [this.#foreground, this.#background];
    if (this.#foreground === undefined) return ['inverse', 'inverse'];
    return [this.#background, this.#foreground];
  }

  /** @param parameters what stands between `CSI` and `m`; sub-parameters are separated by colons (ISO 8613-6) */
  apply(parameters: string): void {
    const codes = parameters.split(';');
    for (let i = 0; i < codes.length; i++) {
      const parts = (codes[i] ?? '').split(':');
      const code = Number(parts[0] || 0);
      if (code === 38 || code === 48) {
        const extended = parts.length > 1 ? fromSubparameters(parts) : fromParameters(codes, i);
        i += extended.consumed;
        if (extended.colour === undefined) continue;
        if (code === 38) this.#foreground = extended.colour;
        else this.#background = extended.colour;
      } else this.#applyOne(code, parts[1]);
    }
  }

  #applyOne(code: number, detail: string | undefined): void {
    if (code >= 30 && code <= 37) this.#foreground = code - 30;
    else if (code >= 90 && code <= 97) this.#foreground = code - 90 + 8;
    else if (code >= 40 && code <= 47) this.#background = code - 40;
    else if (code >= 100 && code <= 107) this.#background = code - 100 + 8;
    else {
      switch (code) {
        case 0:
          this.#emphases.clear();
          this.#foreground = this.#background = undefined;
          this.#inverse = false;
          break;
        case 1:
          this.#emphases.add('bold');
          break;
        case 2:
          this.#emphases.add('dim');
          break;
        case 3:
          this.#emphases.add('italic');
          break;
        case 4:
          if (detail === '0') this.#emphases.delete('underline');
          else this.#emphases.add('underline');
          break;
        case 7:
          this.#inverse = true;
          break;
        case 9:
          this.#emphases.add('strike');
          break;
        case 21:
          this.#emphases.add('underline');
          break;
        case 22:
          this.#emphases.delete('bold');
          this.#emphases.delete('dim');
          break;
        case 23:
          this.#emphases.delete('italic');
          break;
        case 24:
          this.#emphases.delete('underline');
          break;
        case 27:
          this.#inverse = false;
          break;
        case 29:
          this.#emphases.delete('strike');
          break;
        case 39:
          this.#foreground = undefined;
          break;
        case 49:
          this.#background = undefined;
          break;
        // 8 (conceal) is not obeyed: a log viewer hides nothing. Blink, fonts and frames have no look here.
      }
    }
  }
}

function isExact(colour: Colour): colour is string {
  return typeof colour === 'string' && colour !== 'inverse';
}

interface ExtendedColour {
  readonly colour: Colour;
  /** Further parameters that belong to this one. */
  readonly consumed: number;
}

/** `38:5:n`, `38:2:r:g:b` and `38:2:<colour space>:r:g:b`. */
function fromSubparameters(parts: readonly string[]): ExtendedColour {
  if (parts[1] === '5') return { colour: indexed(Number(parts[2] ?? NaN)), consumed: 0 };
  if (parts[1] === '2') return { colour: exact(parts.length > 5 ? parts.slice(3, 6) : parts.slice(2, 5)), consumed: 0 };
  return { colour: undefined, consumed: 0 };
}

/** `38;5;n` and `38;2;r;g;b`, as most programs write them. */
function fromParameters(codes: readonly string[], at: number): ExtendedColour {
  if (codes[at + 1] === '5') return { colour: indexed(Number(codes[at + 2] ?? NaN)), consumed: 2 };
  if (codes[at + 1] === '2') return { colour: exact(codes.slice(at + 2, at + 5)), consumed: 4 };
  return { colour: undefined, consumed: 0 };
}

/** xterm's 256 colours: sixteen named, a cube of 6 × 6 × 6, a ramp of 24 greys. */
function indexed(index: number): Colour {
  if (!Number.isInteger(index) || index < 0 || index > 255) return undefined;
  if (index < 16) return index;
  if (index >= 232) return exact(Array.from({ length: 3 }, () => String(8 + 10 * (index - 232))));
  const cube = index - 16;
  return exact(
    [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((n) => String(n === 0 ? 0 : 55 + 40 * n)),
  );
}

function exact(channels: readonly string[]): Colour {
  const values = channels.map((channel) => Number(channel || 0));
  if (values.length !== 3 || values.some((value) => !Number.isInteger(value) || value < 0 || value > 255))
    return undefined;
  return `rgb(${values.join(' ')})`;
}
