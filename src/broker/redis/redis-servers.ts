import type { HeldChannel } from './held-channel.ts';
import type { RedisUnavailableError } from './redis-command-errors.ts';
import type { RedisNode } from './redis-node.ts';

/** The primaries that a broker works with: one, or those of a cluster. */
export interface RedisServers {
  readonly isSharded: boolean;
  /** Those that serve slots, each with a probe of its own. */
  readonly proven: Iterable<RedisNode>;
  /** Why not all of them can be relied on; undefined: every one is proven. */
  readonly failure: RedisUnavailableError | undefined;
  /** Who serves this slot; undefined: nobody that we know of. */
  nodeOf(slot: number): RedisNode | undefined;
  /** A node that Redis has pointed to, whether it serves a slot or not. */
  nodeAt(address: string): RedisNode | undefined;
  /** Redis has said that this slot is there now. */
  moved(slot: number, address: string): void;
  /** Something does not fit the view of the cluster. */
  refresh(): void;
  start(): void;
  close(): Promise<void>;
}

export interface RedisServersHooks {
  onMessage(held: HeldChannel, payload: Buffer): void;
  onLive(names: readonly HeldChannel[]): void;
  /** These were live: nothing of them is delivered until they are so again. */
  onDropped(names: readonly HeldChannel[]): void;
  onRefused(held: HeldChannel, node: RedisNode, error: unknown): void;
  /** Slots have got other nodes. */
  onRouted(): void;
  /** `failure` has come or gone. */
  onHealth(): void;
}
