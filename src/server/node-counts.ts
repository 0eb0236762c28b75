export type ReloadResult = 'done' | 'refused' | 'failed';

/** What the primary counts of the node's own life. Plain numbers that the metrics read when they are scraped. */
export class NodeCounts {
  /** From the beginning of a drain to the end of the process. */
  isDraining = false;
  /** Drains begun. */
  drains = 0;
  /** `refused`: the new configuration was invalid, and nothing has changed. `failed`: workers could not be replaced. */
  readonly reloads: Record<ReloadResult, number> = { done: 0, refused: 0, failed: 0 };
}
