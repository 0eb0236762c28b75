import { part } from './part.ts';

/** Where one writes: Enter sends, Shift+Enter starts a new line, the field grows with the text. */
export class Composer {
  readonly #field = part('text', HTMLTextAreaElement);
  readonly #problem = part('text-problem', HTMLElement);
  readonly #encoder = new TextEncoder();
  #textBytes = Number.POSITIVE_INFINITY;

  constructor(onSend: (text: string) => void) {
    const send = (): void => {
      const text = this.#field.value.trim();
      if (text === '' || !this.#fits(text)) return;
      this.#field.value = '';
      this.#adjust();
      onSend(text);
    };
    part('composer', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      send();
      this.focus();
    });
    this.#field.addEventListener('input', () => this.#adjust());
    this.#field.addEventListener('keydown', (event) => {
      // The Enter that ends an input method's composition is not one of ours.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      send();
    });
    this.#adjust();
  }

  /** Bytes of UTF-8 that the room takes in one message. */
  set textBytes(bytes: number) {
    this.#textBytes = bytes;
    this.#adjust();
  }

  focus(): void {
    this.#field.focus();
  }

  #adjust(): void {
    this.#field.style.height = 'auto';
    this.#field.style.height = `${this.#field.scrollHeight}px`;
    this.#fits(this.#field.value.trim());
  }

  #fits(text: string): boolean {
    // A UTF-16 code unit is at most three bytes: short texts need no counting.
    const excess = text.length * 3 <= this.#textBytes ? 0 : this.#encoder.encode(text).length - this.#textBytes;
    this.#problem.textContent = excess > 0 ? `Too long for one message by ${excess.toLocaleString()} bytes.` : '';
    return excess <= 0;
  }
}
