import { fullJitterDelayMs } from '../../lib/backoff.ts';
import type { Track, Urgency } from './track.ts';

/** Most histories that are read at once for clients that wait, and because of gaps; and how many of the latter after a failure. */
const mostForClaims = 64;
const mostForGaps = 64;
const mostAgain = 32;
/** Most tracks that give up in one turn of the event loop. */
const givenUpPerTurn = 200;
const backoff = { baseMs: 100, capMs: 2_000 };
/** Where thousands fail, each waits this much longer for every one of them, so that all together ask some thousand times a second. */
const capPerPausingMs = 0.4;

/**
 * Which histories are read next: a few at a time, in a fair order, one page each. One that cannot be read waits
 * without holding up the others, and gives up when it has waited for too long; where so many fail that it has not had
 * its turn, without one.
 */
export class RecoveryQueue {
  readonly #patienceMs: number;
  readonly #claims = new Set<Track>();
  readonly #urgent = new Set<Track>();
  readonly #suspected = new Set<Track>();
  /** Those that have failed and whose pause is over. */
  readonly #again = new Set<Track>();
  readonly #pausing = new Map<Track, NodeJS.Timeout>();
  /** All of these and those that are being read, the one that has waited the longest first. */
  readonly #waiting = new Set<Track>();
  readonly #reading = { claims: 0, gaps: 0, again: 0 };
  #watch: NodeJS.Timeout | undefined;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  add(track: Track, urgency: Urgency): void {
    this.#wait(track);
    if (this.#claims.has(track)) return;
    if (urgency === 'claims') {
      this.#unqueue(track);
      this.#claims.add(track);
    } else if (!this.#pausing.has(track) && !this.#again.has(track) && !this.#urgent.has(track)) {
      if (urgency === 'urgent') this.#suspected.delete(track);
      (urgency === 'urgent' ? this.#urgent : this.#suspected).add(track);
    }
    this.#next();
  }

  /** The same for one that could not be read, after a pause. */
  addLater(track: Track, failures: number): void {
    this.#wait(track);
    this.#unqueue(track);
    const capMs = Math.max(backoff.capMs, this.#pausing.size * capPerPausingMs);
    const pause = setTimeout(
      () => {
        this.#pausing.delete(track);
        this.#again.add(track);
        this.#next();
      },
      fullJitterDelayMs(failures - 1, { ...backoff, capMs }),
    );
    this.#pausing.set(track, pause);
  }

  /** Its patience begins anew. */
  renew(track: Track): void {
    this.#waiting.delete(track);
    this.#wait(track);
  }

  remove(track: Track): void {
    this.#waiting.delete(track);
    this.#unqueue(track);
    if (this.#waiting.size > 0) return;
    clearTimeout(this.#watch);
    this.#watch = undefined;
  }

  #unqueue(track: Track): void {
    this.#claims.delete(track);
    this.#urgent.delete(track);
    this.#suspected.delete(track);
    this.#again.delete(track);
    clearTimeout(this.#pausing.get(track));
    this.#pausing.delete(track);
  }

  #next(): void {
    const reading = this.#reading;
    while (reading.claims < mostForClaims && this.#claims.size > 0) this.#readFirst(this.#claims, 'claims');
    while (reading.gaps + reading.again < mostForGaps) {
      if (this.#urgent.size > 0) this.#readFirst(this.#urgent, 'gaps');
      else if (this.#suspected.size > 0) this.#readFirst(this.#suspected, 'gaps');
      else if (this.#again.size > 0 && reading.again < mostAgain) this.#readFirst(this.#again, 'again');
      else return;
    }
  }

  #readFirst(queue: ReadonlySet<Track>, slot: 'claims' | 'gaps' | 'again'): void {
    const [track] = queue;
    if (track === undefined) return;
    this.#unqueue(track);
    if (!track.isWanting) return;
    this.#reading[slot]++;
    void track.read().finally(() => {
      this.#reading[slot]--;
      this.#next();
    });
  }

  #wait(track: Track): void {
    this.#waiting.add(track);
    if (this.#watch !== undefined) return;
    // A twentieth of the patience is exact enough; it is looked at most once a second.
    const everyMs = Math.min(1_000, Math.max(1, this.#patienceMs / 20));
    this.#watch = setTimeout(() => this.#giveUpSome(), everyMs);
    this.#watch.unref();
  }

  /** Whoever is being read decides when that has failed; so does whoever clients wait for, whose turn comes soon. */
  #giveUpSome(): void {
    this.#watch = undefined;
    const before = performance.now() - this.#patienceMs;
    let given = 0;
    for (const track of this.#waiting) {
      if ((track.waitingSince ?? 0) > before) break;
      if (track.isReading || this.#claims.has(track)) continue;
      this.#unqueue(track);
      void track.giveUp();
      if (++given < givenUpPerTurn) continue;
      setImmediate(() => this.#giveUpSome());
      return;
    }
    const [first] = this.#waiting;
    if (first !== undefined) this.#wait(first);
  }
}
