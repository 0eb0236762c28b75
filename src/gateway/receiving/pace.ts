import { TokenBucket } from '../../lib/token-bucket.ts';
import type { LimitName } from '../../metrics/counts.ts';
import type { ConnectionLimits } from '../gateway-options.ts';

/** How much may come at once after a rest, in seconds' worth: networks and phones deliver in bursts. */
const burstSeconds = 2;

/** How fast one client sends. A connection has one once something has come, and only where its speed is limited. */
export class Pace {
  readonly #limits: ConnectionLimits;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
    this.#messages = bucketOf(limits.messagesPerSecond);
    this.#bytes = bucketOf(limits.bytesPerSecond);
  }

  /** From here on the client is not read. */
  stop(): void {
    const nowMs = performance.now();
    this.#messages?.available(nowMs);
    this.#bytes?.available(nowMs);
  }

  /** It is read again: what it sent meanwhile comes all at once, and is no faster for that. */
  resume(): void {
    const nowMs = performance.now();
    this.#messages?.makeUp(nowMs);
    this.#bytes?.makeUp(nowMs);
  }

  /**
   * Something has come.
   * @param payloadBytes without its frame's header, which counts too
   * @returns the limit that it is too much for, and the reason to close the connection with; undefined: it is within
   */
  exceededBy(payloadBytes: number): { readonly limit: LimitName; readonly reason: string } | undefined {
    const { messagesPerSecond, bytesPerSecond } = this.#limits;
    const nowMs = performance.now();
    if (this.#messages?.take(1, nowMs) === false)
      return {
        limit: 'messages-per-second',
        reason: `more than ${messagesPerSecond} messages per second (limits.messagesPerSecond)`,
      };
    if (this.#bytes?.take(payloadBytes + headerBytes(payloadBytes), nowMs) === false)
      return {
        limit: 'bytes-per-second',
        reason: `more than ${bytesPerSecond} bytes per second (limits.bytesPerSecond)`,
      };
    return undefined;
  }
}

/** Of a client's frame with so long a payload: two bytes, the mask and the longer length (RFC 6455 §5.2). */
function headerBytes(payloadBytes: number): number {
  if (payloadBytes < 126) return 6;
  return payloadBytes < 65_536 ? 8 : 14;
}

function bucketOf(perSecond: number): TokenBucket | undefined {
  return perSecond === 0 ? undefined : new TokenBucket(perSecond, perSecond * burstSeconds);
}
