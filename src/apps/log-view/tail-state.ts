import type { SavedPosition } from './followed-files.ts';

/** Most bytes of a saved state, a little below what a duty may save. */
const stateBytes = 60 * 1024;

/** What the next worker needs to follow the logs where the last one left them. */
export interface TailState {
  /** First era of files that are new. */
  readonly era: number;
  /** Each log's name, and where its files' published lines end. */
  readonly logs: readonly (readonly [name: string, positions: readonly SavedPosition[]])[];
  /** False: there were more files than there was room for, so that one that is not named need not be new. */
  readonly isComplete: boolean;
}

export function writeTailState(era: number, logs: TailState['logs']): string {
  let state: TailState = { era, logs, isComplete: true };
  let json = JSON.stringify(state);
  // Those followed longest are left out first: the quiet ones, usually.
  while (Buffer.byteLength(json) > stateBytes) {
    const fewer = state.logs.map(([name, all]) => [name, all.slice(Math.ceil(all.length / 8))] as const);
    state = { era, logs: fewer, isComplete: false };
    json = JSON.stringify(state);
  }
  return json;
}

/** undefined: it was not `writeTailState` that wrote it. */
export function readTailState(json: string): TailState | undefined {
  try {
    const state = JSON.parse(json) as Partial<TailState> | null;
    if (typeof state?.era !== 'number' || !Array.isArray(state.logs) || typeof state.isComplete !== 'boolean')
      return undefined;
    return { era: state.era, logs: state.logs, isComplete: state.isComplete };
  } catch {
    return undefined;
  }
}
