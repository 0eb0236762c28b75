import type { Publication } from '../../broker/broker.ts';
import type { NotRecoveredReason } from '../calls.ts';
import type { Connection } from '../connection.ts';

/** Why publications could not be given from history. */
export type LostReason = Exclude<NotRecoveredReason, 'no-history'>;

/**
 * A connection that is at some place of a subscription's history and has to get to where the worker's other
 * subscribers are. Its track gives it what lies between, and then exactly one of the ends.
 */
export interface Claim {
  readonly connection: Connection;
  /** Where it has got to; the track moves it on. undefined: it wants nothing that was before. */
  epoch: string | undefined;
  offset: number;
  /** How far behind it may be, in publications. */
  readonly most: number;
  /** False when the connection has closed or left the subscription meanwhile. */
  readonly isWanted: boolean;
  /** What it has collected so far and deals with in the turn in which it arrives. Absent: it deals with each at once. */
  readonly collected?: Amount;
  /**
   * The next publication.
   * @returns false when it takes no more now; the track forgets the claim then. `too-many`: it is lost for that
   */
  take(publication: Publication): boolean | 'too-many';
  /** It is where the others are: what is delivered from here on is for it as well. */
  arrived(epoch: string, offset: number): void;
  /** What it has missed cannot be given to it. It goes on from here, like the others. */
  lost(reason: LostReason, epoch: string, offset: number): void;
  /** History could not be read. @returns whether the claim stands; at the `last` attempt it does not */
  failed(error: unknown, last: boolean): boolean;
  /** It is not wanted any more. */
  dropped(): void;
}

/** Of publications. */
export interface Amount {
  readonly count: number;
  /** Of their data. */
  readonly bytes: number;
}
