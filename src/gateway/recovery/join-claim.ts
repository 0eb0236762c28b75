import type { Position, Publication } from '../../broker/broker.ts';
import type { NotRecoveredReason, Subscribed } from '../calls.ts';
import type { Amount, Claim, LostReason } from './claim.ts';
import type { Connection } from '../connection.ts';
import type { RecoveryOptions } from '../gateway-options.ts';

export interface JoinClaimParts {
  readonly connection: Connection;
  readonly since: Position | undefined;
  readonly limits: RecoveryOptions;
  isWanted(): boolean;
  /** One of the publications of the answer: there may be thousands, and what is done for each need not wait for its end. */
  readonly taken: ((publication: Publication) => void) | undefined;
  /** Puts the connection among the subscribers. */
  admit(): void;
  /** How it ended, for the counts; only where there was a `since`. */
  ended(result: 'recovered' | LostReason, publications: number): void;
}

/** `gateway.subscribe` to a subscription with history: collects what came after `since`, then joins. */
export class JoinClaim implements Claim {
  readonly connection: Connection;
  readonly most: number;
  readonly settled: Promise<Subscribed | undefined>;
  epoch: string | undefined;
  offset: number;
  readonly #parts: JoinClaimParts;
  readonly #publications: Publication[] = [];
  #bytes = 0;
  #resolve: (answer: Subscribed | undefined) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(parts: JoinClaimParts) {
    this.#parts = parts;
    this.connection = parts.connection;
    this.most = parts.limits.publications;
    this.epoch = parts.since?.epoch;
    this.offset = parts.since?.offset ?? 0;
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get isWanted(): boolean {
    return this.#parts.isWanted();
  }

  get collected(): Amount {
    return { count: this.#publications.length, bytes: this.#bytes };
  }

  take(publication: Publication): boolean | 'too-many' {
    if (publication.exclude.includes(this.connection.id)) return true;
    this.#bytes += publication.data.length;
    if (this.#bytes > this.#parts.limits.bytes) return 'too-many';
    this.#publications.push(publication);
    this.#parts.taken?.(publication);
    return true;
  }

  arrived(epoch: string, offset: number): void {
    if (this.#parts.since === undefined) return this.#join(false, undefined, epoch, offset);
    this.#parts.ended('recovered', this.#publications.length);
    this.#join(true, undefined, epoch, offset);
  }

  lost(reason: LostReason, epoch: string, offset: number): void {
    this.#publications.length = 0;
    this.#parts.ended(reason, 0);
    this.#join(false, reason, epoch, offset);
  }

  /** Whoever waits for the answer had better decide what to do. */
  failed(error: unknown): boolean {
    this.#reject(error);
    return false;
  }

  dropped(): void {
    this.#resolve(undefined);
  }

  #join(recovered: boolean, reason: NotRecoveredReason | undefined, epoch: string, offset: number): void {
    this.#parts.admit();
    this.#resolve({
      recovered,
      ...(reason === undefined ? {} : { reason }),
      position: { epoch, offset },
      publications: this.#publications,
    });
  }
}
