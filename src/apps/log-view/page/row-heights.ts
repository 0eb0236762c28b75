/** How high the rows of a list are, in CSS pixels, at positions that count up while old rows leave at the front. */
export interface RowHeights {
  readonly first: number;
  readonly end: number;
  /** Most rows that there is room for at a time. */
  readonly capacity: number;
  /** Height of all rows together. */
  readonly total: number;
  append(heightPx: number): void;
  set(position: number, heightPx: number): void;
  /** Lets go of the rows before `first`; returns their height. */
  dropTo(first: number): number;
  /** Distance from the top of the first row to the top of this one. */
  offsetOf(position: number): number;
  /** The row at this distance from the top; the last one when it is further. */
  positionAt(offsetPx: number): number;
}

/** All rows are of one height: every answer is arithmetic. */
export class UniformHeights implements RowHeights {
  readonly capacity: number = Infinity;
  readonly #rowPx: number;
  #first: number;
  #end: number;

  constructor(rowPx: number, first: number) {
    this.#rowPx = rowPx;
    this.#first = this.#end = first;
  }

  get first(): number {
    return this.#first;
  }

  get end(): number {
    return this.#end;
  }

  get total(): number {
    return (this.#end - this.#first) * this.#rowPx;
  }

  append(): void {
    this.#end++;
  }

  set(): void {}

  dropTo(first: number): number {
    const dropped = (first - this.#first) * this.#rowPx;
    this.#first = first;
    this.#end = Math.max(this.#end, first);
    return dropped;
  }

  offsetOf(position: number): number {
    return (position - this.#first) * this.#rowPx;
  }

  positionAt(offsetPx: number): number {
    return clamp(this.#first + Math.floor(offsetPx / this.#rowPx), this.#first, Math.max(this.#first, this.#end - 1));
  }
}

/**
 * Rows of different heights: estimated when they come, set when they were measured. A binary indexed tree (Fenwick,
 * "A New Data Structure for Cumulative Frequency Tables", 1994) over a ring of slots answers each question in log time.
 */
export class MeasuredHeights implements RowHeights {
  /** A power of two, at least as many as the capacity asked for. */
  readonly #slots: number;
  readonly #heights: Float64Array;
  /** 1-based; entry i holds the sum of the (i & -i) slots that end with slot i - 1. */
  readonly #tree: Float64Array;
  #first: number;
  #end: number;
  #total = 0;

  constructor(capacity: number, first: number) {
    this.#slots = 2 ** Math.ceil(Math.log2(Math.max(2, capacity)));
    this.#heights = new Float64Array(this.#slots);
    this.#tree = new Float64Array(this.#slots + 1);
    this.#first = this.#end = first;
  }

  get capacity(): number {
    return this.#slots;
  }

  get first(): number {
    return this.#first;
  }

  get end(): number {
    return this.#end;
  }

  get total(): number {
    return this.#total;
  }

  append(heightPx: number): void {
    if (this.#end - this.#first === this.#slots) throw new RangeError(`more than ${this.#slots} rows`);
    this.#end++;
    this.#change(this.#end - 1, heightPx);
  }

  set(position: number, heightPx: number): void {
    if (position >= this.#first && position < this.#end) this.#change(position, heightPx);
  }

  dropTo(first: number): number {
    const before = this.#total;
    for (; this.#first < first && this.#first < this.#end; this.#first++) this.#change(this.#first, 0);
    this.#first = first;
    this.#end = Math.max(this.#end, first);
    return before - this.#total;
  }

  offsetOf(position: number): number {
    if (position >= this.#end) return this.#total;
    const from = this.#first % this.#slots;
    const to = position % this.#slots;
    const between = this.#sum(to) - this.#sum(from);
    // The ring's rows may run over its last slot to its first.
    return to >= from ? between : this.#sum(this.#slots) + between;
  }

  positionAt(offsetPx: number): number {
    const last = Math.max(this.#first, this.#end - 1);
    if (offsetPx <= 0) return this.#first;
    if (offsetPx >= this.#total) return last;
    const from = this.#first % this.#slots;
    const all = this.#sum(this.#slots);
    const target = this.#sum(from) + offsetPx;
    const slot = this.#find(target < all ? target : target - all);
    return clamp(this.#first + ((slot - from + this.#slots) % this.#slots), this.#first, last);
  }

  #change(position: number, heightPx: number): void {
    const slot = position % this.#slots;
    const difference = heightPx - (this.#heights[slot] ?? 0);
    if (difference === 0) return;
    this.#heights[slot] = heightPx;
    this.#total += difference;
    for (let i = slot + 1; i <= this.#slots; i += i & -i) this.#tree[i] = (this.#tree[i] ?? 0) + difference;
  }

  /** Of the slots before this one. */
  #sum(slot: number): number {
    let sum = 0;
    for (let i = slot; i > 0; i -= i & -i) sum += this.#tree[i] ?? 0;
    return sum;
  }

  /** The slot in which the sum of all before passes `target`. */
  #find(target: number): number {
    let slot = 0;
    let rest = target;
    for (let step = this.#slots; step > 0; step >>= 1) {
      const height = this.#tree[slot + step];
      if (height !== undefined && height <= rest) {
        slot += step;
        rest -= height;
      }
    }
    return Math.min(slot, this.#slots - 1);
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
