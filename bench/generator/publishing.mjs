// When publishers say something: at a rate, in bursts, or as fast as what they said arrives.
import { padding } from './padding.mjs';
import { kinds, stampBytes, writeStamp } from './stamp.mjs';

const settleEveryMs = 100;

export class Publishing {
  #crowd;
  #padding;
  #sequences;
  /** Messages that this process has published, warm-up included. */
  #count = 0;
  /** How far the slowest other process is, in publications; see `window`. */
  othersProgress = Number.POSITIVE_INFINITY;

  constructor(crowd) {
    this.#crowd = crowd;
    const { kind, bytes } = crowd.job.payload;
    this.#padding = padding(kind, bytes - stampBytes);
    this.#sequences = new Map(crowd.publishers.map(({ publisher }) => [publisher, 0]));
  }

  /** Pairs of publisher and number of messages. */
  get published() {
    return [...this.#sequences];
  }

  /** Makes itself heard in every room until it is told to stop. Two of each room speak, so that each hears the other. */
  settle(untilStopped) {
    const speakers = this.#crowd.publishers.filter(({ seat }) => seat < 2);
    const speak = () => {
      for (const client of speakers)
        client.send(this.#crowd.dialect.publication(client, writeStamp(kinds.settle, client.publisher, 0, 0)));
    };
    speak();
    const timer = setInterval(speak, settleEveryMs);
    untilStopped(() => clearInterval(timer));
  }

  /**
   * Publishes for so long.
   * @returns how many, the seconds it took, and by how much the slowest turn was late, in milliseconds
   */
  async run(kind, seconds) {
    const { publishers, job } = this.#crowd;
    if (publishers.length === 0) return { publications: 0, seconds: 0, lateMs: 0 };
    return job.window === undefined ? await this.#paced(kind, seconds) : await this.#windowed(kind, seconds);
  }

  async #paced(kind, seconds) {
    const { publishers, job } = this.#crowd;
    const burst = job.burst ?? 1;
    const turns = publishers.length * (job.rate / burst);
    const total = Math.max(1, Math.round(turns * seconds));
    const begin = performance.now();
    let sent = 0;
    let lateMs = 0;
    await new Promise((resolve) => {
      const timer = setInterval(() => {
        const elapsed = performance.now() - begin;
        const due = Math.min(total, Math.floor((elapsed / 1000) * turns));
        if (sent < due) lateMs = Math.max(lateMs, elapsed - ((sent + 1) / turns) * 1000);
        for (; sent < due; sent++) this.#say(publishers[sent % publishers.length], kind, burst);
        if (sent < total) return;
        clearInterval(timer);
        resolve();
      }, 1);
    });
    return { publications: total * burst, seconds: (performance.now() - begin) / 1000, lateMs };
  }

  /** Never more than `job.window` publications that have not arrived at everybody: nothing can pile up without bounds. */
  async #windowed(kind, seconds) {
    const crowd = this.#crowd;
    const { publishers, job } = crowd;
    const receivers = crowd.healthy.length;
    const perPublication = receivers / job.rooms;
    const begin = performance.now();
    const before = this.#count;
    let next = 0;
    await new Promise((resolve) => {
      const go = () => {
        // Further rounds are for when nothing is outstanding any more.
        if (performance.now() - begin >= seconds * 1000) {
          crowd.onProgress = () => {};
          clearInterval(timer);
          resolve();
          return;
        }
        const arrived = Math.min(crowd.received / perPublication, this.othersProgress);
        for (let left = job.window - (this.#count - arrived); left >= 1; left--)
          this.#say(publishers[next++ % publishers.length], kind, 1);
      };
      const timer = setInterval(go, 5);
      crowd.onProgress = () => {
        if (this.#count - crowd.received / perPublication < job.window - 1) go();
      };
      go();
    });
    return { publications: this.#count - before, seconds: (performance.now() - begin) / 1000, lateMs: 0 };
  }

  #say(client, kind, burst) {
    const { dialect, now } = this.#crowd;
    const first = this.#sequences.get(client.publisher);
    const at = now();
    const frames = Array.from({ length: burst }, (_, i) =>
      dialect.publication(client, writeStamp(kind, client.publisher, first + i, at) + this.#padding),
    );
    client.send(burst === 1 ? frames[0] : Buffer.concat(frames));
    this.#sequences.set(client.publisher, first + burst);
    this.#count += burst;
  }
}
