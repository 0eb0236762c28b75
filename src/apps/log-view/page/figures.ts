import type { LineStore } from './line-store.ts';
import type { LineView } from './line-view.ts';
import { part } from './part.ts';

export interface FiguresState {
  readonly store: LineStore;
  readonly view: LineView;
  readonly linesPerSecond: number;
  /** Lines below what the reader has seen. */
  readonly unseen: number;
  readonly following: boolean;
  /** Undefined: no log is open yet. */
  readonly log: string | undefined;
  /** What is to be said of the log's files when nothing came of them. */
  readonly filesNote: string;
}

/** The page's numbers, and the notes that come and go with them. Writes only what changed. */
export class Figures {
  readonly #rate = part('rate', HTMLElement);
  readonly #count = part('count', HTMLElement);
  readonly #dropped = part('dropped', HTMLElement);
  readonly #held = part('held', HTMLElement);
  readonly #heldText = part('held-text', HTMLElement);
  readonly #heldFull = part('held-full', HTMLElement);
  readonly #jump = part('jump', HTMLButtonElement);
  readonly #empty = part('empty', HTMLElement);
  readonly #emptyTitle = part('empty-title', HTMLElement);
  readonly #emptyText = part('empty-text', HTMLElement);

  show(state: FiguresState): void {
    const { store, view, linesPerSecond, unseen } = state;
    write(this.#rate, `${written(Math.round(linesPerSecond))} lines/s`);
    this.#rate.classList.toggle('busy', linesPerSecond >= 0.5);
    const searching = view.pending > 0 ? ` · ${written(view.pending)} to search` : '';
    const isPart = view.length !== store.shown.length || view.pending > 0;
    write(
      this.#count,
      (isPart ? `${written(view.length)} of ${lines(store.shown.length)}` : lines(store.shown.length)) + searching,
    );
    this.#dropped.hidden = store.dropped === 0;
    write(this.#dropped, `${written(store.dropped)} older dropped`);
    this.#held.hidden = !store.paused;
    write(this.#heldText, heldText(store));
    write(this.#heldFull, store.heldDropped > 0 ? 'No room for more: the oldest are dropped' : '');
    this.#jump.hidden = state.following || view.length === 0;
    write(this.#jump, unseen > 0 ? `↓ ${written(unseen)} new` : '↓ Jump to end');
    this.#jump.ariaLabel = unseen > 0 ? `Jump to end, ${lines(unseen)} not seen` : 'Jump to end';
    this.#showEmpty(state);
  }

  #showEmpty({ store, view, log, filesNote }: FiguresState): void {
    this.#empty.hidden = view.length > 0 || view.pending > 0;
    if (this.#empty.hidden) return;
    if (log === undefined) write(this.#emptyTitle, 'Opening the log…');
    else if (store.shown.length > 0) write(this.#emptyTitle, 'No line matches');
    else write(this.#emptyTitle, 'Quiet so far');
    if (log === undefined) write(this.#emptyText, '');
    else if (store.shown.length > 0)
      write(this.#emptyText, `${lines(store.shown.length)} of ${log} are here; none passes the filter.`);
    else write(this.#emptyText, `Lines of ${log} appear here as they are written. ${filesNote}`);
  }
}

function heldText({ held, heldDropped }: LineStore): string {
  const dropped = heldDropped > 0 ? `, ${written(heldDropped)} dropped` : '';
  return held === 0 ? 'Paused' : `Paused · ${lines(held)} waiting${dropped}`;
}

export function lines(count: number): string {
  return `${written(count)} ${count === 1 ? 'line' : 'lines'}`;
}

export function written(count: number): string {
  return count.toLocaleString('en');
}

function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
