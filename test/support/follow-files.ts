import { FollowLog } from '../../src/apps/log-view/follow-log.ts';
import type { LogPosition, SavedPosition } from '../../src/apps/log-view/followed-files.ts';
import { LogSource } from '../../src/apps/log-view/log-source.ts';
import type { FileBatch } from '../../src/apps/log-view/tail-file.ts';
import type { LogFields } from '../../src/lib/log.ts';

export interface Followed extends AsyncDisposable {
  readonly lines: string[];
  readonly batches: FileBatch[];
  readonly warnings: LogFields[];
  /** Where each file's published lines end. */
  readonly positions: readonly SavedPosition[];
  readonly position: LogPosition;
  /** Ends it in order; what it answers is where another can go on. */
  stop(): Promise<readonly SavedPosition[]>;
}

/** Follows a path or glob and collects what it publishes. */
export function follow(
  pattern: string | LogSource,
  resumeFrom: readonly SavedPosition[] | LogPosition = [],
  options: { refreshMs?: number; publish?: (batch: FileBatch, signal: AbortSignal) => Promise<void> } = {},
): Followed {
  const lines: string[] = [];
  const batches: FileBatch[] = [];
  const warnings: LogFields[] = [];
  const ignore = (): void => {};
  const follower = new FollowLog({
    source: typeof pattern === 'string' ? new LogSource(pattern) : pattern,
    refreshMs: options.refreshMs ?? 20,
    resumeFrom: 'files' in resumeFrom ? resumeFrom : { era: 1, files: resumeFrom, left: [] },
    log: {
      error: (fields) => void warnings.push(fields),
      warn: (fields) => void warnings.push(fields),
      info: ignore,
      debug: ignore,
    },
    publish: async (batch, signal) => {
      await options.publish?.(batch, signal);
      batches.push(batch);
      lines.push(...batch.lines);
    },
  });
  follower.start();
  return {
    lines,
    batches,
    warnings,
    get positions() {
      return follower.position.files;
    },
    get position() {
      return follower.position;
    },
    async stop() {
      await follower.stop();
      return follower.position.files;
    },
    [Symbol.asyncDispose]: () => follower.stop(),
  };
}
