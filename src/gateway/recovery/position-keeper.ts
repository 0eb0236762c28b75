import type { HistoryCapability } from '../../broker/broker.ts';
import type { Track } from './track.ts';

/** Steps of a round: where there are more tracks, several are read in one step. */
const steps = 1_000;
const leastStepMs = 5;

/**
 * Reads the positions of all tracks slowly, one after another and round and round. Brokers forget the position of a
 * subscription that nobody has asked for or published to in a day; while there are subscribers somebody asks, so that
 * after a quiet weekend it goes on where it was. And should a position be further than its track, something was missed
 * that nobody has noticed yet.
 */
export class PositionKeeper {
  readonly #history: HistoryCapability;
  readonly #tracks: ReadonlyMap<string, Track>;
  readonly #stepMs: number;
  readonly #roundMs: number;
  #timer: NodeJS.Timeout | undefined;
  #round: Iterator<Track> | undefined;

  /** @param roundMs how long it takes to read all, in milliseconds */
  constructor(history: HistoryCapability, tracks: ReadonlyMap<string, Track>, roundMs: number) {
    this.#history = history;
    this.#tracks = tracks;
    this.#roundMs = roundMs;
    this.#stepMs = Math.max(leastStepMs, roundMs / steps);
  }

  /** To be called when a track comes. It stops by itself when there is none. */
  start(): void {
    if (this.#timer !== undefined || this.#tracks.size === 0) return;
    this.#timer = setTimeout(() => void this.#step(), this.#stepMs);
    this.#timer.unref();
  }

  async #step(): Promise<void> {
    const count = Math.ceil((this.#tracks.size * this.#stepMs) / this.#roundMs);
    for (let i = 0; i < count; i++) {
      this.#round ??= this.#tracks.values();
      const { value, done } = this.#round.next();
      if (done === true) {
        this.#round = undefined;
        break;
      }
      await this.#look(value);
    }
    this.#timer = undefined;
    this.start();
  }

  async #look(track: Track): Promise<void> {
    const before = track.place;
    // Who is behind is read anyway.
    if (before === undefined || track.isBehind) return;
    try {
      const { position } = await this.#history.read(track.name, { limit: 0 });
      const isFurther = position.epoch !== before.epoch || position.offset > (track.place?.offset ?? 0);
      if (isFurther && this.#tracks.get(track.name) === track) track.suspect();
    } catch {
      // The next round comes early enough; that the broker is away others will tell.
    }
  }
}
