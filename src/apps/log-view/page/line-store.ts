import { LineRing, type LineRingCaps, type NewLine } from './line-ring.ts';

/** Lines kept while shown. Text is capped too, since one line may have 64 KiB. */
export const shownCaps: LineRingCaps = { lines: 200_000, characters: 32 * 1024 * 1024 };

/**
 * Lines kept while paused, those shown and those held back together; and after the pause, until so many more came that
 * they could be read: more than three minutes of 5,000 lines a second. As memory some 200 to 500 MB.
 */
const pausedCaps: LineRingCaps = { lines: 1_200_000, characters: 256 * 1024 * 1024 };

/** After a pause this many old lines go for each that comes, until no more are kept than usual. */
const shrinkRate = 2;

/**
 * The lines of one log: those shown, and while paused those held back, so that nothing moves under the reader and
 * nothing is lost. What exceeds the caps is counted.
 */
export class LineStore {
  readonly shown: LineRing;
  readonly #held: LineRing;
  readonly #caps: { readonly shown: LineRingCaps; readonly paused: LineRingCaps };
  #paused = false;
  #dropped = 0;
  #heldDropped = 0;

  constructor(
    caps: { readonly shown: LineRingCaps; readonly paused: LineRingCaps } = { shown: shownCaps, paused: pausedCaps },
  ) {
    this.#caps = caps;
    this.shown = new LineRing(caps.paused);
    this.#held = new LineRing(caps.paused);
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Lines that wait for the end of the pause. */
  get held(): number {
    return this.#held.length;
  }

  /** Lines of this pause that had to go, the oldest first. */
  get heldDropped(): number {
    return this.#heldDropped;
  }

  /** Old lines that left what is shown because it was full. */
  get dropped(): number {
    return this.#dropped;
  }

  push(line: NewLine): void {
    if (this.#paused) this.#hold(line);
    else {
      this.#dropped += this.shown.push(line);
      this.#shrink(line.text.length);
    }
  }

  pause(): void {
    this.#paused = true;
  }

  /** Shows what was held back, after a notice of what could not be. */
  resume(): void {
    this.#paused = false;
    if (this.#heldDropped > 0) {
      const count = this.#heldDropped.toLocaleString('en');
      this.#show({
        node: '',
        file: '',
        notice: true,
        text: `${count} ${this.#heldDropped === 1 ? 'line' : 'lines'} dropped here: more came during the pause than can be held`,
      });
    }
    // One by one, so that a million lines are not kept twice.
    for (const line of this.#held) {
      this.#held.dropFirst();
      this.#show(line);
    }
    this.#held.clear();
    this.#heldDropped = 0;
  }

  /** Clears what is shown; what is held back stays. */
  clear(): void {
    this.shown.clear();
    this.#dropped = 0;
  }

  /** Another log begins: nothing stays, the pause neither. */
  restart(): void {
    this.#paused = false;
    this.clear();
    this.#held.clear();
    this.#heldDropped = 0;
  }

  #show(line: NewLine): void {
    this.#dropped += this.shown.push(line);
  }

  #hold(line: NewLine): void {
    this.#heldDropped += this.#held.push(line);
    const { lines, characters } = this.#caps.paused;
    const isOver = (): boolean =>
      this.#held.length + this.shown.length > lines || this.#held.characters + this.shown.characters > characters;
    while (this.#held.length > 1 && isOver()) {
      this.#held.dropFirst();
      this.#heldDropped++;
    }
  }

  /** Drops old lines beyond what is usually shown, but not many more than came: what a pause held back can be read. */
  #shrink(cameCharacters: number): void {
    const { lines, characters } = this.#caps.shown;
    const isOver = (): boolean => this.shown.length > lines || this.shown.characters > characters;
    let droppedCharacters = 0;
    for (let i = 0; this.shown.length > 1 && isOver(); i++) {
      if (i >= shrinkRate && droppedCharacters >= shrinkRate * cameCharacters) break;
      droppedCharacters += this.shown.dropFirst();
      this.#dropped++;
    }
  }
}
