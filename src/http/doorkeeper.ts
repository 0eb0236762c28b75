import { addressNetwork } from '../lib/address-network.ts';
import type { Log } from '../lib/log.ts';
import { TokenBucket } from '../lib/token-bucket.ts';
import type { HandshakeRefusal } from '../metrics/counts.ts';
import type { AcceptOptions } from './accept-options.ts';
import { type Answer, rawAnswer } from './answer.ts';
import { RetryWindow, randomSeconds } from './retry-window.ts';

/** Whoever meets a cap is asked to come back in so many seconds: room comes when others leave, at no known time. */
const capRetrySeconds = [5, 15] as const;

export type TurnedAwayReason = Extract<HandshakeRefusal, 'rate' | 'connections' | 'address'>;

/** A handshake that is not even looked at. */
export interface TurnedAway {
  readonly reason: TurnedAwayReason;
  readonly status: number;
  /** Of the answer's body. */
  readonly bytes: number;
  /** The whole answer. */
  readonly answer: Buffer;
}

const answers: Readonly<Record<TurnedAwayReason, Pick<Answer, 'status' | 'text'>>> = {
  rate: { status: 503, text: 'Too many connections are being opened at the moment; come back later.\n' },
  connections: { status: 503, text: 'This worker has as many connections as it may have; come back later.\n' },
  address: { status: 429, text: 'Too many connections are open from your address.\n' },
};

/**
 * Says of each WebSocket handshake whether it may be looked at, before anything is done for it, and keeps count of those
 * that are under way or have become connections. One per worker.
 */
export class Doorkeeper {
  readonly #options: AcceptOptions;
  readonly #bucket: TokenBucket | undefined;
  readonly #retry: RetryWindow;
  readonly #byNetwork = new Map<string, number>();
  #inside = 0;
  /** Made once a second per reason and Retry-After: refusals come in floods, and the header section has a date. */
  readonly #prepared = new Map<string, TurnedAway>();
  #preparedAtMs = 0;
  readonly #log: Log;

  constructor(options: AcceptOptions, log: Log) {
    const { rate, burst } = options;
    this.#options = options;
    this.#bucket = rate === 0 ? undefined : new TokenBucket(rate, burst);
    this.#retry = new RetryWindow(rate);
    this.#log = log;
  }

  /** Handshakes that would be taken if they came now; undefined where there is no limit. */
  get tokens(): number | undefined {
    return this.#bucket === undefined ? undefined : Math.max(0, Math.floor(this.#bucket.available()));
  }

  /** Whether it is to be told of those who leave. */
  get keepsCount(): boolean {
    return this.#options.connections > 0 || this.#options.perAddress > 0;
  }

  /**
   * A handshake has come.
   * @param address of the client
   * @returns undefined: it is admitted, and where this `keepsCount`, `left` is to be called once, when it has been refused
   * after all or its connection has ended
   */
  admit(address: string): TurnedAway | undefined {
    const { connections, perAddress } = this.#options;
    if (connections > 0 && this.#inside >= connections) return this.#turnAway('connections');
    const network = perAddress > 0 ? addressNetwork(address) : '';
    const ofNetwork = this.#byNetwork.get(network) ?? 0;
    if (perAddress > 0 && ofNetwork >= perAddress) return this.#turnAway('address');
    // Last: who is refused for another reason takes nobody's place.
    if (this.#bucket?.take() === false) return this.#turnAway('rate');
    this.#inside++;
    if (perAddress > 0) this.#byNetwork.set(network, ofNetwork + 1);
    return undefined;
  }

  left(address: string): void {
    this.#inside--;
    if (this.#options.perAddress === 0) return;
    const network = addressNetwork(address);
    const others = (this.#byNetwork.get(network) ?? 0) - 1;
    if (others > 0) this.#byNetwork.set(network, others);
    else this.#byNetwork.delete(network);
  }

  #turnAway(reason: TurnedAwayReason): TurnedAway {
    const seconds = reason === 'rate' ? this.#retry.next() : randomSeconds(...capRetrySeconds);
    const nowMs = performance.now();
    if (nowMs - this.#preparedAtMs >= 1_000) {
      this.#prepared.clear();
      this.#preparedAtMs = nowMs;
    }
    const key = `${reason} ${seconds}`;
    let turnedAway = this.#prepared.get(key);
    if (turnedAway !== undefined) return turnedAway;
    // Here, where it is not done for each of them.
    this.#log.warn({ event: 'handshakes-refused', reason }, `handshakes are refused: ${this.#why(reason)}`);
    turnedAway = prepare(reason, seconds);
    this.#prepared.set(key, turnedAway);
    return turnedAway;
  }

  #why(reason: TurnedAwayReason): string {
    const { rate, connections, perAddress } = this.#options;
    switch (reason) {
      case 'rate':
        return `more than accept.rate (${rate} a second) came`;
      case 'connections':
        return `this worker has accept.connections (${connections})`;
      case 'address':
        return `an address has accept.perAddress (${perAddress}) connections to this worker`;
    }
  }
}

function prepare(reason: TurnedAwayReason, seconds: number): TurnedAway {
  const { status, text } = answers[reason];
  const answer = rawAnswer({ status, text, headers: { 'Retry-After': String(seconds) } });
  return { reason, status, bytes: Buffer.byteLength(text), answer };
}
