import type { Publication } from '../broker.ts';

/** Of one subscription; what is lost on the way must not be remembered for ever. */
const mostOfName = 1_000;
const longestMs = 30_000;
/** How many of the oldest are looked at: where those before one were lost, or what came is somebody else's. */
const mostLooks = 8;

interface Sent {
  readonly data: Buffer;
  readonly publishedMs: number;
}

/**
 * When this broker's own publications were published that travel as bare payloads, which have no place for it. They come
 * back in their order, between those of others, and are told by their bytes. Of names that it is not subscribed to
 * nothing comes back, and nothing is remembered.
 */
export class OwnPublications {
  readonly #isSubscribed: (name: string) => boolean;
  /** The oldest first. */
  readonly #sent = new Map<string, Sent[]>();

  constructor(isSubscribed: (name: string) => boolean) {
    this.#isSubscribed = isSubscribed;
  }

  sent({ subscription, data, publishedMs }: Publication): void {
    if (publishedMs === undefined || !this.#isSubscribed(subscription)) return;
    const sent = this.#sent.get(subscription);
    if (sent === undefined) {
      this.#sent.set(subscription, [{ data, publishedMs }]);
      return;
    }
    const oldest = sent[0];
    if (oldest !== undefined && (sent.length >= mostOfName || publishedMs - oldest.publishedMs > longestMs))
      sent.shift();
    sent.push({ data, publishedMs });
  }

  /** undefined: it is not known, and somebody else's as a rule. To be called in the order of receiving. */
  publishedMs(name: string, payload: Buffer): number | undefined {
    const sent = this.#sent.get(name);
    if (sent === undefined) return undefined;
    for (let at = 0; at < mostLooks; at++) {
      const one = sent[at];
      if (one === undefined) return undefined;
      if (!one.data.equals(payload)) continue;
      if (at + 1 === sent.length) this.#sent.delete(name);
      else sent.splice(0, at + 1);
      return one.publishedMs;
    }
    return undefined;
  }

  /** It was rejected. */
  failed({ subscription, data }: Publication): void {
    const sent = this.#sent.get(subscription);
    const at = sent?.findLastIndex((one) => one.data === data) ?? -1;
    if (sent === undefined || at === -1) return;
    if (sent.length === 1) this.#sent.delete(subscription);
    else sent.splice(at, 1);
  }

  /** What was on its way may be lost, or is not waited for any more. */
  forget(names: readonly string[]): void {
    if (this.#sent.size > 0) for (const name of names) this.#sent.delete(name);
  }
}
