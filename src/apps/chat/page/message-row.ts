/** The elements of one message. Whatever came from outside goes in as text, never as markup. */
import type { Member } from '../chat-protocol.ts';
import { timeElement } from './clock.ts';
import { linkify } from './linkify.ts';
import { avatar, toneClass } from './person.ts';

export interface Speech {
  /** null: published by another program. */
  readonly author: Member | null;
  readonly name: string;
  /** Tells the author from a namesake; null where there is none. */
  readonly tag: string | null;
  readonly text: string;
  /** null: not known. */
  readonly at: Date | null;
}

export function messageRow(speech: Speech): HTMLElement {
  const row = block('div', 'message');
  if (speech.author !== null) row.classList.add(toneClass(speech.author));
  row.append(avatar(speech.author), meta(speech.name, speech.tag, speech.at), textBlock(speech.text));
  return row;
}

/** How far one's own message has come. */
export type Delivery = 'waiting' | 'sending' | 'sent' | 'failed';

/** One's own message in the conversation. */
export class OwnMessage {
  readonly text: string;
  readonly row: HTMLElement = block('div', 'message own');
  /** When it was first given to a connection under this id, as `Date.now()`. */
  firstSentMs: number | undefined;
  #id = randomId();
  #at = new Date();
  #state: Delivery = 'sending';
  readonly #delivery = block('p', 'delivery');
  readonly #meta: HTMLElement;

  constructor(text: string) {
    this.text = text;
    this.#meta = meta('You', null, this.#at);
    this.#meta.firstElementChild?.classList.add('hidden');
    this.row.append(this.#meta, textBlock(text), this.#delivery);
    this.set('sending');
  }

  /** Under which the room takes it once, however often it is sent. Nobody can guess it before that. */
  get id(): string {
    return this.#id;
  }

  get at(): Date {
    return this.#at;
  }

  get delivery(): Delivery {
    return this.#state;
  }

  /** Makes it another message to the room. */
  renew(): void {
    this.#id = randomId();
    this.firstSentMs = undefined;
  }

  /** The server's time replaces this machine's. */
  sentAt(at: Date): void {
    this.#at = at;
    this.#meta.lastElementChild?.replaceWith(timeElement(at));
    this.set('sent');
  }

  /** @param again offered as a button */
  set(delivery: Delivery, explanation = '', again?: () => void): void {
    this.#state = delivery;
    this.row.dataset['delivery'] = delivery;
    this.#delivery.textContent = delivery === 'sending' ? 'Sending…' : explanation;
    this.#delivery.hidden = this.#delivery.textContent === '';
    if (again === undefined) return;
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Send again';
    button.addEventListener('click', again);
    this.#delivery.append(' ', button);
  }
}

export function block(tagName: 'div' | 'p', className: string, text = ''): HTMLElement {
  const element = document.createElement(tagName);
  element.className = className;
  element.textContent = text;
  return element;
}

function randomId(): string {
  // Not `randomUUID`: that is for secure contexts only.
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function meta(name: string, tag: string | null, at: Date | null): HTMLElement {
  const element = block('p', 'meta');
  const author = document.createElement('strong');
  author.className = 'author';
  author.textContent = name;
  if (tag !== null) {
    const mark = document.createElement('span');
    mark.className = 'tag';
    mark.textContent = `#${tag}`;
    author.append(mark);
  }
  element.append(author, ' ');
  if (at !== null) element.append(timeElement(at));
  return element;
}

function textBlock(text: string): HTMLElement {
  const element = block('p', 'text');
  for (const piece of linkify(text)) {
    if (piece.href === undefined) {
      element.append(piece.text);
      continue;
    }
    const link = document.createElement('a');
    link.href = piece.href;
    link.rel = 'noopener noreferrer nofollow';
    link.target = '_blank';
    link.textContent = piece.text;
    element.append(link);
  }
  return element;
}
