import { fullJitterDelayMs, type BackoffOptions } from '../lib/backoff.ts';

/** How the primary tells a worker to take a duty. */
export type AssignDuty<Worker> = (worker: Worker, duty: string, resumeFrom: string | undefined) => void;

interface Duty<Worker> {
  readonly candidates: Set<Worker>;
  holder: Worker | undefined;
  state: string | undefined;
  failures: number;
  retry: NodeJS.Timeout | undefined;
}

const retryBackoff: BackoffOptions = { baseMs: 500, capMs: 30_000 };

/**
 * Things that exactly one worker of the node does at a time, such as following a log file. The primary says which,
 * and keeps the state that the next one resumes from.
 */
export class Duties<Worker = number> {
  readonly #assign: AssignDuty<Worker>;
  readonly #duties = new Map<string, Duty<Worker>>();
  #closed = false;

  constructor(assign: AssignDuty<Worker>) {
    this.#assign = assign;
  }

  /** The worker can do the duty, and offers to. */
  offer(worker: Worker, name: string): void {
    let duty = this.#duties.get(name);
    if (duty === undefined) {
      duty = { candidates: new Set(), holder: undefined, state: undefined, failures: 0, retry: undefined };
      this.#duties.set(name, duty);
    }
    duty.candidates.add(worker);
    this.#appoint(name, duty);
  }

  /** Keeps a state for the next holder; what a worker says that has lost the duty is ignored. */
  save(worker: Worker, name: string, state: string): void {
    const duty = this.#duties.get(name);
    if (duty?.holder !== worker) return;
    duty.state = state;
    duty.failures = 0;
  }

  /** The worker has ended the duty in order and does not offer it any more. */
  ended(worker: Worker, name: string): void {
    const duty = this.#duties.get(name);
    if (duty !== undefined) this.#leave(worker, name, duty);
  }

  /** The worker could not begin the duty. Somebody tries again, after a while. */
  failed(worker: Worker, name: string): void {
    const duty = this.#duties.get(name);
    if (duty?.holder !== worker) return;
    duty.holder = undefined;
    // Last in line now, so that another worker tries first; one that has retired is not in the line.
    if (duty.candidates.delete(worker)) duty.candidates.add(worker);
    duty.retry = setTimeout(
      () => {
        duty.retry = undefined;
        this.#appoint(name, duty);
      },
      fullJitterDelayMs(duty.failures++, retryBackoff),
    );
    duty.retry.unref();
  }

  /** The worker is about to leave: it keeps what it has until it has ended that in order, and gets nothing more. */
  retire(worker: Worker): void {
    for (const { candidates } of this.#duties.values()) candidates.delete(worker);
  }

  /** The worker is no more. */
  gone(worker: Worker): void {
    for (const [name, duty] of this.#duties) this.#leave(worker, name, duty);
  }

  holder(name: string): Worker | undefined {
    return this.#duties.get(name)?.holder;
  }

  /** Nothing is assigned from here on. */
  close(): void {
    this.#closed = true;
    for (const { retry } of this.#duties.values()) clearTimeout(retry);
  }

  #leave(worker: Worker, name: string, duty: Duty<Worker>): void {
    duty.candidates.delete(worker);
    if (duty.holder === worker) duty.holder = undefined;
    this.#appoint(name, duty);
  }

  #appoint(name: string, duty: Duty<Worker>): void {
    if (this.#closed || duty.holder !== undefined || duty.retry !== undefined) return;
    const candidate = this.#leastBusy(duty.candidates);
    if (candidate === undefined) return;
    duty.holder = candidate;
    this.#assign(candidate, name, duty.state);
  }

  #leastBusy(candidates: ReadonlySet<Worker>): Worker | undefined {
    const load = (worker: Worker): number => {
      let held = 0;
      for (const { holder } of this.#duties.values()) if (holder === worker) held++;
      return held;
    };
    // The sort is stable: among equals the first in line.
    return [...candidates].sort((a, b) => load(a) - load(b))[0];
  }
}
