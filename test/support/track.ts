import type { Position } from '../../src/broker/broker.ts';

/** What one subscriber saw of one subscription, in order. */
export type Entry =
  | { readonly type: 'publication'; readonly key: string; readonly position: Position | undefined; readonly at: number }
  /** From here on it goes on, but something may be missing before: a gap notice, or a return that recovered nothing. */
  | { readonly type: 'told'; readonly why: string; readonly at: number }
  /** It came back and is given exactly what it missed. */
  | { readonly type: 'recovered'; readonly at: number };

export class Track {
  readonly name: string;
  readonly entries: Entry[] = [];
  #began: Position | undefined;
  #position: Position | undefined;
  readonly #keys = new Set<string>();

  constructor(name: string) {
    this.name = name;
  }

  /** Where to continue from. */
  get position(): Position | undefined {
    return this.#position;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Whether this was published before the subscriber came for the first time. */
  beganAfter(position: Position | undefined): boolean {
    return position !== undefined && position.epoch === this.#began?.epoch && position.offset <= this.#began.offset;
  }

  /** How many of these it has. */
  keys(wanted: ReadonlySet<string>): number {
    let count = 0;
    for (const key of this.#keys) if (wanted.has(key)) count++;
    return count;
  }

  heard(key: string, position: Position | undefined): void {
    this.entries.push({ type: 'publication', key, position, at: Date.now() });
    this.#keys.add(key);
    if (position !== undefined) this.#position = position;
  }

  recovered(): void {
    this.entries.push({ type: 'recovered', at: Date.now() });
  }

  /** @param position where the subscription goes on, if that is known */
  told(why: string, position?: Position): void {
    this.entries.push({ type: 'told', why, at: Date.now() });
    if (position !== undefined) this.#position = position;
  }

  /** @param position where the subscription goes on, where it has positions */
  begin(position: Position | undefined): void {
    this.#began = position;
    this.#position = position;
  }
}
