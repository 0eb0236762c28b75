import { part } from './part.ts';

/** Counts what arrived while nobody looked: the page hidden, or scrolled up. Shows it on a button and in the title. */
export class Unread {
  readonly #button = part('jump', HTMLButtonElement);
  readonly #title: string;
  #count = 0;
  #atEnd = true;

  constructor(title: string) {
    this.#title = title;
    document.addEventListener('visibilitychange', () => this.#show());
    this.#show();
  }

  onJump(jump: () => void): void {
    this.#button.addEventListener('click', jump);
  }

  /** A message came. @returns whether it is the first one that is unread */
  arrived(): boolean {
    if (this.#atEnd && !document.hidden) return false;
    this.#count++;
    this.#show();
    return this.#count === 1;
  }

  setAtEnd(atEnd: boolean): void {
    this.#atEnd = atEnd;
    this.#show();
  }

  #show(): void {
    if (this.#atEnd && !document.hidden) this.#count = 0;
    const hadFocus = document.activeElement === this.#button;
    this.#button.hidden = this.#atEnd;
    // Focus on a hidden element would be lost.
    if (this.#atEnd && hadFocus) part('text', HTMLTextAreaElement).focus();
    const messages = this.#count === 1 ? '1 new message' : `${this.#count} new messages`;
    this.#button.textContent = `${this.#count === 0 ? 'Latest messages' : messages} ↓`;
    document.title = document.hidden && this.#count > 0 ? `(${this.#count}) ${this.#title}` : this.#title;
  }
}
