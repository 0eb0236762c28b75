import { Alarm } from '../../lib/alarm.ts';

/** Names that are visited at once. */
const batchNames = 64;

/** Visits every name once per period, spread over it, a few at a time. */
export class PresenceRounds {
  readonly #periodMs: number;
  readonly #names: () => readonly string[];
  readonly #visit: (name: string) => Promise<void>;
  readonly #alarm = new Alarm();
  #isHurried = false;
  #isClosed = false;

  /** @param visit does not reject */
  constructor(periodMs: number, names: () => readonly string[], visit: (name: string) => Promise<void>) {
    this.#periodMs = periodMs;
    this.#names = names;
    this.#visit = visit;
  }

  start(): void {
    void this.#run();
  }

  /** Begins a round now, and does not spread it. */
  hurry(): void {
    this.#isHurried = true;
    this.#alarm.ring();
  }

  close(): void {
    this.#isClosed = true;
    this.#alarm.ring();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const isSpread = !this.#isHurried;
      this.#isHurried = false;
      const startedMs = performance.now();
      const names = this.#names();
      for (let next = 0; next < names.length && !this.#isInterrupted(); next += batchNames) {
        if (isSpread) await this.#alarm.sleep(startedMs + (next / names.length) * this.#periodMs - performance.now());
        if (this.#isInterrupted()) break;
        await Promise.all(names.slice(next, next + batchNames).map(this.#visit));
      }
      if (!this.#isInterrupted()) await this.#alarm.sleep(startedMs + this.#periodMs - performance.now());
    }
  }

  #isInterrupted(): boolean {
    return this.#isClosed || this.#isHurried;
  }
}
