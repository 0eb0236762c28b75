import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { LogPosition } from './followed-files.ts';

/** Most bytes of a saved state, a little below what a duty may save. */
const stateBytes = 60 * 1024;
/** Most bytes that a compressed state is expected to have been. */
const inflatedBytes = 64 * 1024 * 1024;

/** Where one log stands, and the path or glob that it had then. */
export type SavedLog = readonly [name: string, position: LogPosition, pattern: string];

/** What the next worker needs to follow the logs where the last one left them. */
export interface TailState {
  /** The era of files of logs that are not among these. */
  readonly era: number;
  readonly logs: readonly SavedLog[];
  /** False: there were more files than there was room for, so that one that is not named need not be new. */
  readonly isComplete: boolean;
}

/**
 * JSON; compressed where that is too long: some 1,500 files then find room. Of more, those that were left go first, then
 * those followed longest: the quiet ones, usually.
 */
export function writeTailState(state: TailState): string {
  let written = encode(state);
  for (let less = state; Buffer.byteLength(written) > stateBytes && less.logs.length > 0;) {
    less = withLess(less);
    written = encode(less);
  }
  return written;
}

/** undefined: it was not `writeTailState` that wrote it. */
export function readTailState(written: string): TailState | undefined {
  try {
    const state = JSON.parse(decode(written)) as Partial<TailState> | null;
    if (typeof state?.era !== 'number' || !Array.isArray(state.logs) || typeof state.isComplete !== 'boolean')
      return undefined;
    return { era: state.era, logs: state.logs, isComplete: state.isComplete };
  } catch {
    return undefined;
  }
}

function encode(state: TailState): string {
  const json = JSON.stringify(state);
  return Buffer.byteLength(json) <= stateBytes ? json : deflateRawSync(json).toString('base64');
}

function decode(written: string): string {
  if (written.startsWith('{')) return written;
  return inflateRawSync(Buffer.from(written, 'base64'), { maxOutputLength: inflatedBytes }).toString();
}

/** Whoever is left out gets a later era than any it had, so that viewers do not take new lines for some they know. */
function withLess({ era, logs, isComplete }: TailState): TailState {
  const positions = logs.map(([, position]) => position);
  if (positions.some(({ left }) => left.length > 0)) {
    const fewer = ({ left }: LogPosition): Partial<LogPosition> => ({ left: left.slice(Math.ceil(left.length / 2)) });
    return { era, logs: withReduced(logs, fewer), isComplete };
  }
  if (positions.some(({ files }) => files.length > 0)) {
    const fewer = ({ files }: LogPosition): Partial<LogPosition> => ({
      files: files.slice(Math.ceil(files.length / 8)),
    });
    return { era, logs: withReduced(logs, fewer), isComplete: false };
  }
  return { era: Math.max(era, ...positions.map((position) => position.era)), logs: [], isComplete: false };
}

function withReduced(logs: readonly SavedLog[], fewer: (position: LogPosition) => Partial<LogPosition>): SavedLog[] {
  return logs.map(([name, position, pattern]) => [name, reduced(position, fewer(position)), pattern]);
}

function reduced(position: LogPosition, less: Partial<LogPosition>): LogPosition {
  const next = { ...position, ...less };
  const kept = new Set([...next.files, ...next.left]);
  const gone = [...position.files, ...position.left].filter((file) => !kept.has(file));
  return { ...next, era: Math.max(position.era, ...gone.map((file) => file.era + 1)) };
}
