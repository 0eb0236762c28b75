import type { Log } from '../lib/log.ts';

/** A start that did not succeed; the message is for the person who typed the command. */
export class StartError extends Error {
  readonly code = 'START_FAILED';
}

/** The start was given up because somebody asked to stop. */
export class StartInterruptedError extends Error {
  readonly code = 'START_INTERRUPTED';
  constructor() {
    super('stopped before the start was complete');
  }
}

/** How long a step may take, in milliseconds; each is read when the step begins to start, or to stop. */
export interface StepDeadlines {
  readonly startMs: number;
  readonly stopMs: number;
}

interface StartedStep {
  readonly name: string;
  readonly deadlines: StepDeadlines;
  stop(): Promise<void> | void;
}

/**
 * Start and stop as a column of named steps: what starts downwards stops upwards. Each step has a deadline, so that
 * neither can hang without saying where.
 */
export class Lifecycle {
  readonly #log: () => Log;
  readonly #started: StartedStep[] = [];
  #current: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  /** @param log asked for anew each time: it usually begins to exist with the first step */
  constructor(log: () => Log) {
    this.#log = log;
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  /**
   * Runs one step of the start. Steps are called one after the other.
   * @param stop undoes it; called in the reverse order, also when a later step failed
   * @throws StartError naming the step when it failed or did not end in time
   * @throws StartInterruptedError when `stop` was called meanwhile
   */
  async step<T>(
    name: string,
    deadlines: StepDeadlines,
    start: () => Promise<T> | T,
    stop: (started: T) => Promise<void> | void,
  ): Promise<T> {
    if (this.isStopping) throw new StartInterruptedError();
    const running = this.#run(name, deadlines, start, stop);
    this.#current = running.catch(() => {});
    const started = await running;
    // A getter cannot be narrowed away: `stop` may have been called during the await.
    if (this.isStopping) throw new StartInterruptedError();
    return started;
  }

  /** Stops what has started, last first. A step that fails or hangs is logged and passed over. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #run<T>(
    name: string,
    deadlines: StepDeadlines,
    start: () => Promise<T> | T,
    stop: (started: T) => Promise<void> | void,
  ): Promise<T> {
    const starting = Promise.resolve().then(start);
    try {
      const started = await within(deadlines.startMs, starting);
      this.#started.push({ name, deadlines, stop: () => stop(started) });
      return started;
    } catch (error) {
      // What comes up after its deadline must not stay behind.
      if (error instanceof DeadlineError) starting.then(stop).catch(() => {});
      if (error instanceof StartError || error instanceof StartInterruptedError) throw error;
      throw new StartError(`${name}: ${messageOf(error)}`, { cause: error });
    }
  }

  async #stop(): Promise<void> {
    await this.#current;
    for (let step = this.#started.pop(); step !== undefined; step = this.#started.pop()) {
      const { name, deadlines, stop } = step;
      try {
        await within(deadlines.stopMs, Promise.resolve().then(stop));
      } catch (error) {
        this.#log().error({ event: 'stop-failed', step: name, err: error }, `${name} did not stop in order`);
      }
    }
  }
}

class DeadlineError extends Error {
  readonly code = 'DEADLINE';
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(`not done within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
