import { checkNick } from '../nick.ts';
import { part } from './part.ts';

const nameKey = 'carillon.chat.nick';
const askedKey = 'carillon.chat.asked';

/** Asks for a name, gently: a bar above the composer that can be put off, and comes back only when it is called. */
export class NameBar {
  readonly #bar = part('name-bar', HTMLFormElement);
  readonly #field = part('name', HTMLInputElement);
  readonly #label = part('name-label', HTMLLabelElement);
  readonly #problem = part('name-problem', HTMLElement);
  readonly #later = part('name-later', HTMLButtonElement);
  #onClose: () => void = () => {};

  /** @param onName gets a name that keeps the rules; it is remembered already */
  constructor(onName: (nick: string) => void) {
    this.#bar.addEventListener('submit', (event) => {
      event.preventDefault();
      const check = checkNick(this.#field.value);
      if ('problem' in check) {
        this.showProblem(`This name ${check.problem}.`);
        return;
      }
      remember(nameKey, check.nick);
      onName(check.nick);
      this.close();
    });
    this.#later.addEventListener('click', () => this.close());
  }

  get isOpen(): boolean {
    return !this.#bar.hidden;
  }

  /**
   * On a first visit; takes no focus away.
   * @param onClose moves the focus on from the bar when the name was saved or put off
   */
  askOnce(onClose: () => void): void {
    if (this.isOpen || recall(nameKey) !== null || recall(askedKey) !== null) return;
    this.#onClose = onClose;
    this.#show();
  }

  /** @param onClose moves the focus on from the bar when the name was saved or put off */
  open(onClose: () => void): void {
    this.#onClose = onClose;
    this.#show();
    this.#field.select();
  }

  close(): void {
    if (!this.isOpen) return;
    remember(askedKey, '1');
    const hadFocus = this.#bar.contains(document.activeElement);
    this.#bar.hidden = true;
    const onClose = this.#onClose;
    this.#onClose = () => {};
    if (hadFocus) onClose();
  }

  showProblem(problem: string): void {
    this.#bar.hidden = false;
    this.#problem.textContent = problem;
    this.#field.setAttribute('aria-invalid', 'true');
    this.#field.focus();
  }

  #show(): void {
    const name = rememberedName();
    this.#label.textContent = name === null ? 'What should the others call you?' : 'Your name';
    this.#later.textContent = name === null ? 'Not now' : 'Cancel';
    this.#field.value = name ?? '';
    this.#problem.textContent = '';
    this.#field.removeAttribute('aria-invalid');
    this.#bar.hidden = false;
  }
}

/** The name of the last visit; null where there is none or it no longer keeps the rules. */
export function rememberedName(): string | null {
  const check = checkNick(recall(nameKey) ?? '');
  return 'nick' in check ? check.nick : null;
}

// Storage may be switched off; then the page forgets, and that is all.

function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {}
}
