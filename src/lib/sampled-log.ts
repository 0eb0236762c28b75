import type { Log, LogFields } from './log.ts';

export interface SamplingBounds {
  /** How long a window is, in milliseconds. It opens with the first line after a quiet time. */
  readonly windowMs: number;
  /** Lines written in a window that are the same in event and cause; what comes then is counted. */
  readonly perCause: number;
  /** Causes of one event told apart in a window; all further ones are taken for one. */
  readonly causes: number;
}

export const samplingBounds: SamplingBounds = Object.freeze({ windowMs: 10_000, perCause: 5, causes: 20 });

interface Tally {
  written: number;
  leftOut: number;
  /** Writes the last line that was held back. */
  writeLast: (leftOut: number) => void;
}

/** What has a cause of its own beyond these is rare enough to be read in the first one's line. */
const causeCharacters = 200;

/**
 * Passes on what is logged, warnings and errors only so often: what repeats is counted, and when its window ends its
 * last line is written with `leftOut`, the number of lines that were not. So neither a flood of bad clients nor a
 * broken dependency fills the disk, and nothing goes uncounted. Its memory is bounded by the number of event names.
 */
export class SampledLog implements Log {
  readonly #log: Log;
  readonly #bounds: SamplingBounds;
  /** Event → cause → what was written in this window. */
  readonly #events = new Map<string, Map<string, Tally>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log, bounds: SamplingBounds = samplingBounds) {
    this.#log = log;
    this.#bounds = bounds;
  }

  error(fields: LogFields, message: string): void {
    this.#sample(fields, message, (sampled) => this.#log.error(sampled, message));
  }

  warn(fields: LogFields, message: string): void {
    this.#sample(fields, message, (sampled) => this.#log.warn(sampled, message));
  }

  info(fields: LogFields, message: string): void {
    this.#log.info(fields, message);
  }

  debug(fields: LogFields, message: string): void {
    this.#log.debug(fields, message);
  }

  /** Ends the window now: writes what was held back. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const tallies = [...this.#events.values()].flatMap((causes) => [...causes.values()]);
    this.#events.clear();
    for (const { leftOut, writeLast } of tallies) if (leftOut > 0) writeLast(leftOut - 1);
  }

  #sample(fields: LogFields, message: string, write: (fields: LogFields) => void): void {
    this.#timer ??= setTimeout(() => this.flush(), this.#bounds.windowMs).unref();
    const tally = this.#tallyOf(fields.event, causeOf(fields, message));
    if (tally.written < this.#bounds.perCause) {
      tally.written++;
      write(fields);
      return;
    }
    tally.leftOut++;
    tally.writeLast = (leftOut) => write(leftOut === 0 ? fields : { ...fields, leftOut });
  }

  #tallyOf(event: string, cause: string): Tally {
    let causes = this.#events.get(event);
    if (causes === undefined) this.#events.set(event, (causes = new Map()));
    const key = causes.has(cause) || causes.size < this.#bounds.causes ? cause : '';
    let tally = causes.get(key);
    if (tally === undefined) causes.set(key, (tally = { written: 0, leftOut: 0, writeLast: () => {} }));
    return tally;
  }
}

/** The error's code and message, or the sentence where there is no error. */
function causeOf({ err }: LogFields, message: string): string {
  if (!(err instanceof Error)) return message.slice(0, causeCharacters);
  const code = 'code' in err ? String(err.code) : err.name;
  return `${code} ${err.message}`.slice(0, causeCharacters);
}
