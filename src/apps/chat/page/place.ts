import type { ChatPosition } from '../chat-protocol.ts';

/**
 * How far this page has come in what is said in the room: everything up to there it has, so that it can go on from
 * there after a reconnect.
 */
export class Place {
  #position: ChatPosition | undefined;
  /** Offsets of one's own messages beyond it: they are not sent to oneself. */
  readonly #own = new Set<number>();

  /** As the handshake wants it; undefined where the room has told none. */
  get since(): string | undefined {
    return this.#position && `${this.#position.epoch}:${this.#position.offset}`;
  }

  /** A connection began here. */
  begin(position: ChatPosition | undefined): void {
    this.#position = position;
    this.#own.clear();
  }

  /** Whether a message is not behind this place, as far as one can tell. */
  isAhead(position: ChatPosition | undefined): boolean {
    return position?.epoch !== this.#position?.epoch || (position?.offset ?? 1) > (this.#position?.offset ?? 0);
  }

  /** A message of somebody else came: they come in order, so there is nothing to wait for before it. */
  heard(position: ChatPosition | undefined): void {
    if (position === undefined || !this.isAhead(position)) return;
    if (position.epoch !== this.#position?.epoch) this.#own.clear();
    this.#position = position;
    this.#advance();
  }

  /** One's own message was accepted, which may be known before what others said just before it has come. */
  sent(position: ChatPosition | undefined): void {
    if (position === undefined || position.epoch !== this.#position?.epoch || !this.isAhead(position)) return;
    this.#own.add(position.offset);
    this.#advance();
  }

  #advance(): void {
    if (this.#position === undefined) return;
    const { epoch } = this.#position;
    let { offset } = this.#position;
    while (this.#own.delete(offset + 1)) offset++;
    for (const own of this.#own) if (own <= offset) this.#own.delete(own);
    this.#position = { epoch, offset };
  }
}
