import type { Line } from './line-ring.ts';
import { shownCharactersCap } from './row-element.ts';
import { MeasuredHeights, UniformHeights, type RowHeights } from './row-heights.ts';

/** What the list shows: lines at positions that count up and never shift. */
export interface ListSource {
  readonly first: number;
  readonly end: number;
  lineAt(position: number): Line | undefined;
}

export interface LineListOptions {
  /** Scrolls; its content is the list's own. */
  readonly scroller: HTMLElement;
  readonly source: ListSource;
  /** Most rows the source usually has; there may be more. */
  readonly usualRows: number;
  readonly renderRow: (line: Line) => HTMLElement;
  /** Asks for a call of `render` in the next animation frame. */
  readonly requestFrame: () => void;
}

/** Rows kept beyond each edge of what is seen, so that a short scroll shows no blank. */
const overscanRows = 12;

/** Measuring may show that more rows fit; each pass then has better heights than the one before. */
const passesCap = 3;

/** Browsers bound heights, Firefox at 17.9 million pixels; of a higher list the scroll bar moves in proportion. */
const tallestPx = 15_000_000;

/**
 * Shows the part of a source that is in sight. Rows are of one height when lines do not wrap; when they do, heights are
 * estimated from the length, measured when shown, and the line at the top of the screen stays where it is while
 * estimates are corrected or old lines leave. Each frame writes, then measures once, then writes positions.
 */
export class LineList {
  readonly #options: LineListOptions;
  readonly #sizer = document.createElement('div');
  readonly #block = document.createElement('div');
  readonly #probe = document.createElement('div');
  readonly #rows = new Map<number, HTMLElement>();
  #heights: RowHeights = new UniformHeights(1, 0);
  #wrap = false;
  #rowPx = 1;
  #characterPx = 1;
  #viewportPx = 0;
  #widthPx = 0;
  /** Widest row so far, so that the horizontal bar does not jump as rows come and go. */
  #extentPx = 0;
  #following = true;
  /** The row at the top edge, and how far it is above it. Where the reader is, unless the end is followed. */
  #anchor = { position: 0, hiddenPx: 0 };
  #writtenTop = 0;
  #writtenScrollPx = 0;
  /** Pixels of the list for each that the scroll bar moves. */
  #scale = 1;
  #userScrolled = false;
  /** Position after the last line that was in sight. */
  #seenEnd = 0;

  constructor(options: LineListOptions) {
    this.#options = options;
    this.#sizer.className = 'sizer';
    this.#block.className = 'block';
    this.#probe.className = 'row probe';
    this.#probe.textContent = 'x'.repeat(100);
    this.#sizer.append(this.#block);
    options.scroller.append(this.#probe, this.#sizer);
    options.scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(options.scroller);
    this.#resized();
  }

  /** Whether new lines scroll into sight by themselves. */
  get following(): boolean {
    return this.#following;
  }

  /** Lines below what the reader has seen since the end was left. */
  get unseen(): number {
    return this.#following
      ? 0
      : Math.max(0, this.#options.source.end - Math.max(this.#seenEnd, this.#options.source.first));
  }

  /** Serial of the line at the top edge; undefined while the end is followed. */
  get anchorSerial(): number | undefined {
    return this.#following ? undefined : this.#options.source.lineAt(this.#anchor.position)?.serial;
  }

  set wrap(wrap: boolean) {
    this.#wrap = wrap;
    this.#block.classList.toggle('wrapped', wrap);
    this.redraw();
  }

  /** The positions mean other lines now. */
  reset(): void {
    this.#anchor = { position: this.#options.source.first, hiddenPx: 0 };
    this.#seenEnd = this.#options.source.first;
    this.#extentPx = 0;
    this.redraw();
  }

  /** The same lines look different now. */
  redraw(): void {
    this.#clearRows();
    this.#rebuildHeights();
    this.#options.requestFrame();
  }

  jumpToEnd(): void {
    this.#following = true;
    this.#options.requestFrame();
  }

  jumpToStart(): void {
    this.jumpTo(this.#options.source.first);
  }

  jumpTo(position: number): void {
    this.#following = false;
    this.#anchor = { position, hiddenPx: 0 };
    this.#options.requestFrame();
  }

  /** Brings the reader back after `reset`: what is below now is not new, what comes later is. */
  returnTo(position: number): void {
    this.jumpTo(position);
    this.#seenEnd = this.#options.source.end;
  }

  /** Stops following where it is, for a reader who has selected text. */
  stay(): void {
    if (!this.#following) return;
    this.#following = false;
    this.#anchorAt(this.#writtenTop);
  }

  render(): void {
    if (this.#userScrolled) this.#takeUserScroll();
    this.#syncHeights();
    let top = 0;
    let from = 0;
    let to = 0;
    for (let pass = 0; pass < passesCap; pass++) {
      top = this.#top();
      const overscanPx = overscanRows * this.#rowPx;
      from = this.#heights.positionAt(top - overscanPx);
      to = Math.min(this.#heights.positionAt(top + this.#viewportPx + overscanPx) + 1, this.#heights.end);
      this.#place(from, to);
      if (!this.#wrap || !this.#measure()) break;
    }
    top = this.#top();
    const { total } = this.#heights;
    const heightPx = Math.min(total, tallestPx);
    this.#scale = total > heightPx ? (total - this.#viewportPx) / (heightPx - this.#viewportPx) : 1;
    const scrollPx = top / this.#scale;
    this.#sizer.style.height = `${heightPx}px`;
    this.#sizer.style.minWidth = this.#wrap ? '' : `${this.#extentPx}px`;
    this.#block.style.transform = `translateY(${this.#heights.offsetOf(from) + (scrollPx - top)}px)`;
    if (this.#options.scroller.scrollTop !== scrollPx) this.#options.scroller.scrollTop = scrollPx;
    this.#writtenTop = top;
    this.#writtenScrollPx = scrollPx;
    if (this.#following) this.#anchorAt(top);
    const bottom = this.#heights.positionAt(top + this.#viewportPx - 1) + 1;
    this.#seenEnd = this.#following ? this.#options.source.end : Math.max(this.#seenEnd, bottom);
  }

  /** Distance from the first row's top at which the viewport belongs. */
  #top(): number {
    const lowest = Math.max(0, this.#heights.total - this.#viewportPx);
    if (this.#following) return lowest;
    return Math.min(this.#heights.offsetOf(this.#anchor.position) + this.#anchor.hiddenPx, lowest);
  }

  #anchorAt(top: number): void {
    const position = this.#heights.positionAt(top);
    this.#anchor = { position, hiddenPx: top - this.#heights.offsetOf(position) };
  }

  #scrolled(): void {
    if (Math.abs(this.#options.scroller.scrollTop - this.#writtenScrollPx) <= 1) return;
    this.#userScrolled = true;
    this.#options.requestFrame();
  }

  /** The heights are still those of the document that was scrolled. */
  #takeUserScroll(): void {
    this.#userScrolled = false;
    const { scrollTop } = this.#options.scroller;
    const movedPx = scrollTop - this.#writtenScrollPx;
    // A turn of the wheel moves by what it says; the scroll bar, dragged, to its place.
    const top = Math.abs(movedPx) <= this.#viewportPx ? this.#writtenTop + movedPx : scrollTop * this.#scale;
    if (top + this.#viewportPx >= this.#heights.total - 2) this.#following = true;
    else if (top < this.#writtenTop) this.#following = false;
    this.#anchorAt(top);
  }

  #resized(): void {
    const { scroller } = this.#options;
    const { clientHeight, clientWidth } = scroller;
    const rowPx = this.#probe.offsetHeight || 1;
    const characterPx = this.#probe.offsetWidth / 100 || 1;
    const rebuild = rowPx !== this.#rowPx || (this.#wrap && clientWidth !== this.#widthPx);
    this.#viewportPx = clientHeight;
    this.#widthPx = clientWidth;
    this.#rowPx = rowPx;
    this.#characterPx = characterPx;
    if (rebuild) this.#rebuildHeights();
    this.#options.requestFrame();
  }

  #rebuildHeights(): void {
    const { source, usualRows } = this.#options;
    this.#anchor.hiddenPx = 0;
    this.#heights = this.#wrap
      ? new MeasuredHeights(Math.max(usualRows, source.end - source.first), source.first)
      : new UniformHeights(this.#rowPx, source.first);
    this.#syncHeights();
  }

  #syncHeights(): void {
    const { source } = this.#options;
    if (source.end - source.first > this.#heights.capacity) return this.#rebuildHeights();
    this.#heights.dropTo(source.first);
    for (let position = this.#heights.end; position < source.end; position++)
      this.#heights.append(this.#estimatePx(position));
    if (this.#anchor.position < source.first) this.#anchor = { position: source.first, hiddenPx: 0 };
  }

  /** Monospaced text breaks anywhere, so the number of characters tells most heights exactly. */
  #estimatePx(position: number): number {
    if (!this.#wrap) return this.#rowPx;
    const characters = this.#options.source.lineAt(position)?.text.length ?? 0;
    const perRow = Math.max(1, Math.floor((this.#widthPx - 2 * this.#rowPx) / this.#characterPx));
    return this.#rowPx * Math.max(1, Math.ceil(Math.min(characters, shownCharactersCap) / perRow));
  }

  #place(from: number, to: number): void {
    for (const [position, row] of this.#rows) {
      if (position >= from && position < to) continue;
      row.remove();
      this.#rows.delete(position);
    }
    let next = this.#block.firstElementChild;
    for (let position = from; position < to; position++) {
      let row = this.#rows.get(position);
      if (row === undefined) {
        const line = this.#options.source.lineAt(position);
        if (!line) continue;
        row = this.#options.renderRow(line);
        this.#rows.set(position, row);
        this.#block.insertBefore(row, next);
        if (!this.#wrap)
          this.#extentPx = Math.max(
            this.#extentPx,
            (row.textContent?.length ?? 0) * this.#characterPx + 2 * this.#rowPx,
          );
      } else next = row.nextElementSibling;
    }
  }

  /** @returns whether a height was other than thought */
  #measure(): boolean {
    let changed = false;
    const before = this.#heights.total;
    for (const [position, row] of this.#rows) {
      const offset = this.#heights.offsetOf(position + 1) - this.#heights.offsetOf(position);
      const heightPx = row.offsetHeight;
      if (heightPx === offset) continue;
      this.#heights.set(position, heightPx);
      changed = true;
    }
    return changed || before !== this.#heights.total;
  }

  #clearRows(): void {
    this.#block.replaceChildren();
    this.#rows.clear();
  }
}
