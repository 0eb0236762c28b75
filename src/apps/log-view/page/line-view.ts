import type { LineFilter } from './line-filter.ts';
import type { Line, LineRing } from './line-ring.ts';

export interface ViewCriteria {
  /** Undefined: of all nodes. */
  readonly node: string | undefined;
  readonly filter: LineFilter;
  /** What the filter searches in a line. */
  readonly shownText: (line: Line) => string;
}

/** Between two looks at the clock; at the slowest expressions one would bear, some milliseconds. */
const linesPerLook = 64;

/**
 * The lines of a ring that pass the reader's criteria, at positions that count up and never shift: when old lines are
 * dropped, `first` grows. It looks at every line once, in slices, so that neither a burst nor a new filter over a
 * full ring holds up the page.
 */
export class LineView {
  readonly #ring: LineRing;
  #criteria: ViewCriteria;
  /** Serials of the lines that pass, the one of position `#base` first; unused while all pass. */
  #serials: number[] = [];
  #base = 0;
  #first = 0;
  /** Serial of the next line to look at. */
  #cursor = 0;

  constructor(ring: LineRing, criteria: ViewCriteria) {
    this.#ring = ring;
    this.#criteria = criteria;
    this.#cursor = ring.first;
  }

  get first(): number {
    return this.#all ? this.#ring.first : this.#first;
  }

  get end(): number {
    return this.#all ? this.#ring.end : this.#base + this.#serials.length;
  }

  get length(): number {
    return this.end - this.first;
  }

  get criteria(): ViewCriteria {
    return this.#criteria;
  }

  /** Lines of the ring that were not looked at yet. */
  get pending(): number {
    return this.#all ? 0 : this.#ring.end - Math.max(this.#cursor, this.#ring.first);
  }

  /** Begins anew with other criteria: positions of before mean nothing any more. */
  restart(criteria: ViewCriteria): void {
    this.#criteria = criteria;
    this.#serials = [];
    this.#base = this.#first = 0;
    this.#cursor = this.#ring.first;
  }

  /**
   * Looks at lines that came since, for at most about `budgetMs`, and lets go of those the ring dropped.
   * @returns whether all have been looked at
   */
  advance(budgetMs: number, now: () => number = () => performance.now()): boolean {
    if (this.#all) return true;
    this.#letGo();
    this.#cursor = Math.max(this.#cursor, this.#ring.first);
    const deadline = now() + budgetMs;
    while (this.#cursor < this.#ring.end) {
      const stop = Math.min(this.#cursor + linesPerLook, this.#ring.end);
      for (; this.#cursor < stop; this.#cursor++) {
        const line = this.#ring.at(this.#cursor);
        if (line && this.#passes(line)) this.#serials.push(line.serial);
      }
      if (now() >= deadline) break;
    }
    return this.#cursor === this.#ring.end;
  }

  lineAt(position: number): Line | undefined {
    if (this.#all) return this.#ring.at(position);
    const serial = position < this.#first ? undefined : this.#serials[position - this.#base];
    return serial === undefined ? undefined : this.#ring.at(serial);
  }

  /** Position of the first line whose serial is not below the given one; `end` if there is none. */
  positionOf(serial: number): number {
    if (this.#all) return Math.min(Math.max(serial, this.first), this.end);
    let low = this.#first - this.#base;
    let high = this.#serials.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#serials[middle] ?? Infinity) < serial) low = middle + 1;
      else high = middle;
    }
    return this.#base + low;
  }

  get #all(): boolean {
    return this.#criteria.filter.passesAll && this.#criteria.node === undefined;
  }

  #passes(line: Line): boolean {
    if (line.notice) return true;
    const { node, filter, shownText } = this.#criteria;
    return (node === undefined || line.node === node) && (filter.passesAll || filter.passes(shownText(line)));
  }

  #letGo(): void {
    const { first } = this.#ring;
    while (this.#first < this.end && (this.#serials[this.#first - this.#base] ?? Infinity) < first) this.#first++;
    const gone = this.#first - this.#base;
    // Compacts seldom enough to cost constant time per line.
    if (gone > 1_024 && gone > this.#serials.length / 2) {
      this.#serials.splice(0, gone);
      this.#base = this.#first;
    }
  }
}
