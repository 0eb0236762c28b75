import type { Script } from './load-scripts.ts';
import type { RedisUnavailableError } from './redis-command-errors.ts';
import type { RedisNode } from './redis-node.ts';

export type Argument = string | number | Buffer;

/** One command, from the asking to the answer. */
export interface Call {
  readonly slot: number;
  readonly script: Script | undefined;
  /** Of a publication: where it goes. Those of one channel are carried out in their order, or not at all. */
  readonly channel: string | undefined;
  readonly args: readonly Argument[];
  readonly bytes: number;
  /** When it is given up, by `performance.now()`. */
  readonly deadlineMs: number;
  /** Its promise has been resolved or rejected. */
  isSettled: boolean;
  /** Redis does not know the script: its text is sent. */
  isWithSource: boolean;
  /** For once, the node that ASK has named. */
  ask: string | undefined;
  /** Why it has to be sent again. */
  refusal: RedisUnavailableError | undefined;
  resolve(reply: unknown): void;
  reject(error: Error): void;
}

/**
 * The commands of one slot, so that they keep their order even where some have to be sent again: what follows then waits
 * until all that is under way has been answered. There is a lane while something is in it, and a little longer.
 */
export interface Lane {
  readonly slot: number;
  inFlight: number;
  /** Where those under way went. */
  node: RedisNode | undefined;
  isHeld: boolean;
  /** Before it goes on when nothing is under way any more, in milliseconds. */
  pauseMs: number;
  /** To be sent again, in their order; before those that wait. */
  again: Call[];
  waiting: Call[];
  timer: NodeJS.Timeout | undefined;
}

export function makeLane(slot: number): Lane {
  return { slot, inFlight: 0, node: undefined, isHeld: false, pauseMs: 0, again: [], waiting: [], timer: undefined };
}

/** Nothing of it is under way and nothing waits. */
export function isUnused({ inFlight, isHeld }: Lane): boolean {
  return inFlight === 0 && !isHeld;
}

/** Takes out of the lane what is not under way and is to be given up by now. */
export function takeExpired(lane: Lane, nowMs: number): Call[] {
  const isDue = ({ deadlineMs }: Call): boolean => deadlineMs <= nowMs;
  const expired = [...lane.again.filter(isDue), ...lane.waiting.filter(isDue)];
  if (expired.length > 0) {
    lane.again = lane.again.filter((call) => !isDue(call));
    lane.waiting = lane.waiting.filter((call) => !isDue(call));
  }
  return expired;
}

export function bytesOf(args: readonly Argument[]): number {
  let bytes = 0;
  for (const argument of args) bytes += typeof argument === 'number' ? 8 : argument.length;
  return bytes;
}
