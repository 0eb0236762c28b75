import { dayKey, dayName, timeElement } from './clock.ts';
import { block, messageRow, type OwnMessage, type Speech } from './message-row.ts';
import { part } from './part.ts';
import { describePresence, type PresenceChange } from './presence-notice.ts';
import { ScrollKeeper } from './scroll-keeper.ts';
import type { Unread } from './unread.ts';

/** Rows kept; older ones go. Bounds the page's memory however long it stays open. */
const mostRows = 2_000;
/** Messages of one author closer together than this share one heading, in milliseconds. */
const headingGapMs = 5 * 60_000;
/** How long a hidden page, which gets no animation frames, gathers rows, in milliseconds. */
const hiddenFlushMs = 250;

/**
 * The rows of the log: messages, days, notices. What arrives within a frame is put into the page in one go, so that a
 * busy room costs one layout per frame.
 */
export class Conversation {
  readonly #rows = part('rows', HTMLElement);
  readonly #empty = part('empty', HTMLElement);
  readonly #scroll: ScrollKeeper;
  readonly #unread: Unread;
  readonly #newMark = block('div', 'new', 'New');
  #waiting: (() => void)[] = [];
  #scheduled = false;
  /** Who spoke last, and when: decides about the next heading. */
  #heading: { readonly speaker: string; readonly atMs: number } | undefined;
  #day: string | undefined;
  readonly #days = new Map<HTMLElement, Date>();
  /** The notice that further changes of presence are merged into. */
  #run: { readonly changes: PresenceChange[]; readonly row: HTMLElement; readonly words: HTMLElement } | undefined;

  constructor(unread: Unread) {
    this.#unread = unread;
    this.#newMark.setAttribute('role', 'separator');
    this.#scroll = new ScrollKeeper(part('log', HTMLElement), this.#rows, (atEnd) => unread.setAtEnd(atEnd));
    unread.onJump(() => this.toEnd());
  }

  get atEnd(): boolean {
    return this.#scroll.atEnd;
  }

  toEnd(): void {
    this.#flush();
    this.#scroll.toEnd();
  }

  /** @param isNews false: it was said before the reader came, and is not counted as unread */
  hear(speech: Speech, isNews = true): void {
    const startsUnread = isNews && this.#unread.arrived();
    this.#later(() => {
      if (startsUnread) this.#addRow(this.#newMark, speech.at);
      const speaker = speech.author === null ? '' : `${speech.author.id} ${speech.name}`;
      this.#addMessage(messageRow(speech), speaker, speech.at);
    });
  }

  /** Shows one's own message at once and goes to the end. */
  say(message: OwnMessage): void {
    this.#flush();
    this.#newMark.remove();
    this.#addMessage(message.row, 'own', message.at);
    this.#trim();
    this.#scroll.toEnd();
  }

  /** Shows one's own messages below everything that came before this call. */
  moveToEnd(messages: readonly OwnMessage[]): void {
    this.#later(() => {
      // Whatever they followed until now, the first of them needs a heading.
      if (messages.length > 0) this.#heading = undefined;
      for (const message of messages) message.row.remove();
      for (const message of messages) this.#addMessage(message.row, 'own', message.at);
    });
  }

  /** What is above was said before the reader came. */
  markArrival(at: Date): void {
    this.#later(() => this.#addNotice('notice', 'You came in here', at));
  }

  presence(change: PresenceChange, at: Date): void {
    this.#later(() => {
      if (this.#run === undefined) {
        const words = document.createElement('span');
        const row = block('p', 'notice');
        row.append(words, ' ', timeElement(at));
        this.#addRow(row, at);
        this.#run = { changes: [], row, words };
      }
      this.#run.changes.push(change);
      this.#run.words.textContent = describePresence(this.#run.changes);
      this.#run.row.hidden = this.#run.words.textContent === '';
    });
  }

  /** Something the reader should not overlook. */
  notice(text: string, at: Date = new Date()): void {
    this.#later(() => this.#addNotice('notice important', text, at));
  }

  #later(add: () => void): void {
    this.#waiting.push(add);
    // A page that becomes hidden gets no frame for as long as it is.
    if (this.#waiting.length > mostRows) this.#flush();
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (document.hidden) setTimeout(() => this.#flush(), hiddenFlushMs);
    else requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#waiting.length === 0) return;
    const adds = this.#waiting;
    this.#waiting = [];
    this.#scroll.keep(() => {
      for (const add of adds) add();
      return this.#trim();
    });
  }

  #addNotice(className: string, text: string, at: Date): void {
    const row = block('p', className, text);
    row.append(' ', timeElement(at));
    this.#addRow(row, at);
  }

  #addMessage(row: HTMLElement, speaker: string, at: Date | null): void {
    const before = this.#heading;
    const atMs = at?.getTime() ?? before?.atMs ?? 0;
    this.#addRow(row, at);
    const continues = this.#heading !== undefined && before?.speaker === speaker && atMs - before.atMs < headingGapMs;
    row.classList.toggle('first', !continues);
    this.#heading = { speaker, atMs };
  }

  /** @param at null: not known; whatever day it was */
  #addRow(row: HTMLElement, at: Date | null): void {
    this.#empty.hidden = true;
    this.#run = undefined;
    if (at !== null && dayKey(at) !== this.#day) {
      this.#day = dayKey(at);
      this.#addDay(at);
      this.#heading = undefined;
    }
    if (!row.classList.contains('message')) this.#heading = undefined;
    this.#rows.append(row);
  }

  #addDay(at: Date): void {
    const row = block('div', 'day');
    row.setAttribute('role', 'separator');
    this.#days.set(row, at);
    // What was "Today" may be "Yesterday" by now.
    for (const [element, date] of this.#days) element.textContent = dayName(date);
    this.#rows.append(row);
  }

  /** @returns the height of what was removed, in CSS pixels; 0 without measuring while the reader is at the end */
  #trim(): number {
    const excess = this.#rows.childElementCount - mostRows;
    if (excess <= 0) return 0;
    const firstKept = this.#rows.children[excess];
    const measures = !this.#scroll.atEnd;
    // The bottom: the first row gets a heading below.
    const before = measures ? (firstKept?.getBoundingClientRect().bottom ?? 0) : 0;
    for (let index = 0; index < excess; index++) {
      const row = this.#rows.firstElementChild;
      if (row instanceof HTMLElement) this.#days.delete(row);
      row?.remove();
    }
    if (firstKept?.classList.contains('message')) firstKept.classList.add('first');
    return measures ? before - (firstKept?.getBoundingClientRect().bottom ?? 0) : 0;
  }
}
