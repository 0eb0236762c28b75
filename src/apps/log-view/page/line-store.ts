import { LineRing, type LineRingCaps, type NewLine } from './line-ring.ts';

/** Lines kept while shown. Text is capped too, since one line may have 64 KiB. */
export const shownCaps: LineRingCaps = { lines: 200_000, characters: 32 * 1024 * 1024 };

/** Lines held back while paused. */
const heldCaps: LineRingCaps = { lines: 100_000, characters: 16 * 1024 * 1024 };

/**
 * The lines of one log: those shown, and while paused those held back, so that nothing moves under the reader and
 * nothing is lost. What exceeds the caps is counted.
 */
export class LineStore {
  readonly shown: LineRing;
  readonly #held: LineRing;
  #paused = false;
  #dropped = 0;
  #heldDropped = 0;

  constructor(
    caps: { readonly shown: LineRingCaps; readonly held: LineRingCaps } = { shown: shownCaps, held: heldCaps },
  ) {
    this.shown = new LineRing(caps.shown);
    this.#held = new LineRing(caps.held);
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
    if (this.#paused) this.#heldDropped += this.#held.push(line);
    else this.#dropped += this.shown.push(line);
  }

  pause(): void {
    this.#paused = true;
  }

  /** Shows what was held back, after a notice of what could not be. */
  resume(): void {
    this.#paused = false;
    if (this.#heldDropped > 0) {
      const count = this.#heldDropped.toLocaleString('en');
      this.push({
        node: '',
        file: '',
        notice: true,
        text: `${count} ${this.#heldDropped === 1 ? 'line' : 'lines'} dropped here: more came during the pause than can be held`,
      });
    }
    for (const line of this.#held) this.push(line);
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
}
