/**
 * One connection's being in a subscription, from `subscribe` to `unsubscribe`. Calls that come meanwhile share it; it
 * tells what was begun for it from what belongs to a later one.
 */
export interface Joining {
  /** Calls that have neither succeeded nor failed. */
  pending: number;
  /** One of the calls has succeeded: no other that fails takes the connection out again. */
  hasSucceeded: boolean;
}
