import type { MessageKind, Position, Publication } from '../broker/broker.ts';
import type { Connection } from './connection.ts';

// What the gateway's calls take and answer.

export interface SubscribeOptions {
  /** Makes the connection present in the subscription: JSON that tells the others about it. */
  readonly presence?: string;
  /** Where the client had got to: what came after it is answered, where the subscription has history. */
  readonly since?: Position;
}

/** How a connection came into a subscription. */
export interface Subscribed {
  /** True when `since` was given and `publications` are exactly what came after it. */
  readonly recovered: boolean;
  /**
   * Why not, where `since` was given. `no-history`: the subscription keeps none. `trimmed`: something of it is no longer
   * kept. `epoch`: `since` is of a history that was lost. `too-many`: it is more than `recovery` allows.
   */
  readonly reason?: NotRecoveredReason;
  /** The place from which live publications follow; absent where the subscription has no history. */
  readonly position?: Position;
  /**
   * In order. What is chained to the promise runs before the next live publication reaches the connection, unless it
   * waits for more than promises: send them at once. Those that exclude this connection are left out.
   */
  readonly publications: readonly Publication[];
}

export type NotRecoveredReason = 'no-history' | 'trimmed' | 'epoch' | 'too-many';

export interface MulticastOptions {
  /** Connections that do not get it, on whichever worker they are. */
  readonly exclude?: readonly Connection[];
  /** Default: text for a string, binary for bytes. */
  readonly kind?: MessageKind;
  /** JSON for encodings that show more than the data; plain connections never see it. */
  readonly info?: string;
  /**
   * The publisher's name for this message, unique in its subscription, 1 to 256 bytes of UTF-8. Within
   * `idempotencyMs` it is published once, however often it is multicast: after an error a retry is harmless.
   */
  readonly id?: string;
}
