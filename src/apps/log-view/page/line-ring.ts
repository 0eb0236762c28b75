/** One line as it came, or a notice of the page's own between lines. */
export interface Line {
  /** Counts all lines of a ring, from 0; never reused. */
  readonly serial: number;
  /** Node whose log it is; empty for a notice. */
  readonly node: string;
  /** Name of the file within the log; empty for a notice. */
  readonly file: string;
  readonly text: string;
  /** A notice (a gap, a reconnection, dropped lines) is shown whatever the filter says. */
  readonly notice: boolean;
}

export type NewLine = Omit<Line, 'serial'>;

export interface LineRingCaps {
  readonly lines: number;
  /** Of all texts together, in UTF-16 units, so 1 to 2 bytes each. */
  readonly characters: number;
}

/** Keeps the newest lines within two caps, and counts the older ones it drops. */
export class LineRing {
  readonly #caps: LineRingCaps;
  #lines: (Line | undefined)[] = [];
  /** Serial of the line in slot 0 of the first round; the array then fills densely after each clearing. */
  #base = 0;
  #first = 0;
  #end = 0;
  #characters = 0;

  constructor(caps: LineRingCaps) {
    this.#caps = caps;
  }

  /** Serial of the oldest line that is kept. Everything before it was dropped or cleared. */
  get first(): number {
    return this.#first;
  }

  /** Serial of the next line to come. */
  get end(): number {
    return this.#end;
  }

  get length(): number {
    return this.#end - this.#first;
  }

  /** Of all texts together, as in the caps. */
  get characters(): number {
    return this.#characters;
  }

  /** @returns how many old lines had to go; a line longer than the cap of characters stays alone */
  push(line: NewLine): number {
    let dropped = 0;
    while (
      this.length > 0 &&
      (this.length >= this.#caps.lines || this.#characters + line.text.length > this.#caps.characters)
    ) {
      this.dropFirst();
      dropped++;
    }
    const { node, file, text, notice } = line;
    this.#lines[this.#slot(this.#end)] = { serial: this.#end, node, file, text, notice };
    this.#end++;
    this.#characters += line.text.length;
    return dropped;
  }

  at(serial: number): Line | undefined {
    return serial >= this.#first && serial < this.#end ? this.#lines[this.#slot(serial)] : undefined;
  }

  clear(): void {
    this.#lines = [];
    this.#base = this.#first = this.#end;
    this.#characters = 0;
  }

  *[Symbol.iterator](): IterableIterator<Line> {
    for (let serial = this.#first; serial < this.#end; serial++) {
      const line = this.at(serial);
      if (line) yield line;
    }
  }

  /** Drops the oldest line, if there is one. @returns its characters */
  dropFirst(): number {
    if (this.length === 0) return 0;
    const slot = this.#slot(this.#first);
    const characters = this.#lines[slot]?.text.length ?? 0;
    this.#characters -= characters;
    this.#lines[slot] = undefined;
    this.#first++;
    return characters;
  }

  #slot(serial: number): number {
    return (serial - this.#base) % this.#caps.lines;
  }
}
