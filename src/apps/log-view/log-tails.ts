import { setTimeout as delay } from 'node:timers/promises';
import type { Gateway } from '../../gateway/gateway.ts';
import { fullJitterDelayMs } from '../../lib/backoff.ts';
import type { Log } from '../../lib/log.ts';
import type { DutyStart } from '../app.ts';
import { FollowLog } from './follow-log.ts';
import type { LogPosition } from './followed-files.ts';
import { batchData, batchInfo, type LineBatch } from './line-batch.ts';
import type { LogSource } from './log-source.ts';
import { logSubscription } from './log-subscriptions.ts';
import { presentPositions, readPublished } from './read-backlog.ts';
import { RecordKeeper } from './record-keeper.ts';
import { readTailState, writeTailState, type SavedLog, type TailState } from './tail-state.ts';

/** A burst is multicast at this rate per log, so that viewers and the worker's own clients can keep up; bytes a second. */
const paceBytesPerSecond = 16 * 1024 * 1024;
/** Positions are saved at most this often, in milliseconds. */
const saveMs = 300;
const retry = { baseMs: 200, capMs: 5_000 };

export interface LogTailsOptions {
  readonly gateway: Gateway;
  readonly log: Log;
  readonly node: string;
  readonly sources: ReadonlyMap<string, LogSource>;
  readonly refreshMs: number;
  /** How many of its last lines the node puts down for viewers on other nodes. */
  readonly tail: number;
}

/**
 * Follows all logs of a node and multicasts what is appended: the duty that one worker of the node has at a time.
 * A batch counts as published when the broker has accepted it; until then it is tried again and nothing more is read.
 */
export class LogTails {
  readonly #options: LogTailsOptions;
  readonly #beginning: TailState;
  #stop: (() => Promise<void>) | undefined;

  private constructor(options: LogTailsOptions, beginning: TailState) {
    this.#options = options;
    this.#beginning = beginning;
  }

  /** Notes where the logs end now: what is appended from here on is multicast, whoever gets the duty and when. */
  static async prepare(options: LogTailsOptions): Promise<LogTails> {
    const era = Date.now();
    const logs: SavedLog[] = [];
    for (const [name, source] of options.sources)
      logs.push([name, { era, files: await presentPositions(source, era), left: [] }, source.pattern]);
    return new LogTails(options, { era, logs, isComplete: true });
  }

  readonly start: DutyStart = async (resumeFrom, save) => {
    const state = (resumeFrom === undefined ? undefined : readTailState(resumeFrom)) ?? this.#beginning;
    const { era } = state;
    const followers: { readonly name: string; readonly source: LogSource; readonly follower: FollowLog }[] = [];
    const keepers: RecordKeeper[] = [];
    const beginnings: Promise<void>[] = [];
    const saver = new StateSaver(save, () =>
      writeTailState({
        era,
        logs: followers.map(({ name, source, follower }) => [name, follower.position, source.pattern]),
        isComplete: true,
      }),
    );
    for (const [name, source] of this.#options.sources) {
      const resumption = await positionIn(state, this.#beginning, name, source);
      const keeper = this.#keeper(name);
      keepers.push(keeper);
      beginnings.push(this.#begin(keeper, source, resumption));
      const publisher = new LinePublisher(this.#options, name, keeper);
      const follower = new FollowLog({
        source,
        refreshMs: this.#options.refreshMs,
        resumeFrom: resumption,
        log: this.#options.log,
        publish: async (batch, signal) => {
          await publisher.publish({ node: this.#options.node, ...batch }, signal);
          saver.changed();
        },
      });
      followers.push({ name, source, follower });
    }
    saver.save();
    await Promise.all(beginnings);
    for (const { follower } of followers) follower.start();
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      await Promise.all(followers.map(({ follower }) => follower.stop()));
      await Promise.all(keepers.map((keeper) => keeper.close()));
      saver.end();
    };
    this.#stop = () => (stopping ??= stop());
    return this.#stop;
  };

  #keeper(name: string): RecordKeeper {
    const { gateway, log, node, tail } = this.#options;
    return new RecordKeeper({ gateway, log, node, name, lines: tail });
  }

  /** Puts down the last lines from before this worker, as far as the files still have them. */
  async #begin(keeper: RecordKeeper, source: LogSource, { files }: LogPosition): Promise<void> {
    const { node, tail } = this.#options;
    const batches = await readPublished(source, files, tail);
    await keeper.begin(batches.map((batch) => ({ node, ...batch })));
  }

  /** Ends the duty, if this worker has it. */
  async close(): Promise<void> {
    await this.#stop?.();
  }
}

/**
 * Where to go on with a log. One that the configuration did not have before begins where it ended when this worker was
 * prepared, and so do the files that another path or glob has added. A file that the state had no room for is followed
 * from its present end.
 */
async function positionIn(
  state: TailState,
  beginning: TailState,
  name: string,
  source: LogSource,
): Promise<LogPosition> {
  const first = beginning.logs.find(([log]) => log === name)?.[1] ?? { era: beginning.era, files: [], left: [] };
  const entry = state.logs.find(([log]) => log === name);
  if (entry === undefined) {
    // A state without any log may be one that had no room for them.
    if (state.isComplete || state.logs.length > 0) return first;
    return { era: state.era, files: await presentPositions(source, state.era), left: [] };
  }
  const [, saved, pattern] = entry;
  if (pattern !== source.pattern) {
    const files = saved.files.filter(({ path }) => source.matches(path));
    return withOthers({ ...saved, files }, first.files);
  }
  return state.isComplete ? saved : withOthers(saved, await presentPositions(source, saved.era));
}

function withOthers(position: LogPosition, others: LogPosition['files']): LogPosition {
  const known = new Set([...position.files, ...position.left].map(({ id }) => id));
  return { ...position, files: [...position.files, ...others.filter(({ id }) => !known.has(id))] };
}

/** Publishes the batches of one log, in order, each until it is accepted. */
class LinePublisher {
  readonly #options: LogTailsOptions;
  readonly #name: string;
  readonly #keeper: RecordKeeper;
  /** When what was published so far is through, at the pace. */
  #pacedUntil = 0;
  #failing = false;

  constructor(options: LogTailsOptions, name: string, keeper: RecordKeeper) {
    this.#options = options;
    this.#name = name;
    this.#keeper = keeper;
  }

  /** @throws AbortError when the signal came before the batch was accepted */
  async publish(batch: LineBatch, signal: AbortSignal): Promise<void> {
    const aheadMs = this.#pacedUntil - performance.now();
    if (aheadMs > 0) await delay(aheadMs, undefined, { signal });
    const data = batchData(batch);
    const info = batchInfo(batch);
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      try {
        const position = await this.#options.gateway.multicast(logSubscription(this.#name), data, { info });
        this.#keeper.published(batch, position);
        break;
      } catch (error) {
        this.#complain(error);
        await delay(fullJitterDelayMs(attempt, retry), undefined, { signal });
      }
    }
    this.#failing = false;
    const begin = Math.max(this.#pacedUntil, performance.now());
    this.#pacedUntil = begin + ((batch.end - batch.start) / paceBytesPerSecond) * 1_000;
  }

  #complain(error: unknown): void {
    // Once per trouble. The line may end in the very log that cannot be published; that it waits there does no harm.
    if (this.#failing) return;
    this.#failing = true;
    this.#options.log.warn(
      { event: 'log-publish-failed', log: this.#name, err: error },
      'lines of a log are not accepted; they are kept and tried again',
    );
  }
}

/** Saves at most every `saveMs`, the last change always. */
class StateSaver {
  readonly #save: (state: string) => void;
  readonly #state: () => string;
  #savedAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(save: (state: string) => void, state: () => string) {
    this.#save = save;
    this.#state = state;
  }

  /** The state is already what it will be when the present turn of the event loop ends. */
  changed(): void {
    if (this.#timer !== undefined) return;
    const dueMs = Math.max(0, this.#savedAt + saveMs - performance.now());
    this.#timer = setTimeout(() => this.save(), dueMs);
  }

  save(): void {
    this.#timer = undefined;
    this.#savedAt = performance.now();
    this.#save(this.#state());
  }

  end(): void {
    clearTimeout(this.#timer);
    this.save();
  }
}
