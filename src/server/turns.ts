import type { DutyStart } from '../apps/app.ts';
import type { Log } from '../lib/log.ts';
import type { FromWorker } from './worker-messages.ts';

const stateCapBytes = 64 * 1024;

/** A worker's side of the duties: it offers, begins when the primary says so, and ends in order. */
export class Turns {
  readonly #send: (message: FromWorker) => void;
  readonly #log: Log;
  readonly #offered = new Map<string, DutyStart>();
  readonly #running = new Map<string, Promise<(() => Promise<void>) | undefined>>();
  #closing: Promise<void> | undefined;

  constructor(send: (message: FromWorker) => void, log: Log) {
    this.#send = send;
    this.#log = log;
  }

  offer(duty: string, start: DutyStart): void {
    if (this.#closing !== undefined) return;
    if (this.#offered.has(duty)) throw new Error(`duty "${duty}" is offered twice`);
    this.#offered.set(duty, start);
    this.#send({ type: 'duty-offered', duty });
  }

  begin(duty: string, resumeFrom: string | undefined): void {
    const start = this.#offered.get(duty);
    if (start === undefined || this.#closing !== undefined) return;
    this.#running.set(duty, this.#begin(duty, start, resumeFrom));
  }

  /** Ends every duty and hands it back. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#offered.keys()].map((duty) => this.#end(duty))).then(() => {});
    return this.#closing;
  }

  async #begin(
    duty: string,
    start: DutyStart,
    resumeFrom: string | undefined,
  ): Promise<(() => Promise<void>) | undefined> {
    try {
      return await start(resumeFrom, (state) => this.#save(duty, state));
    } catch (error) {
      this.#log.error({ event: 'duty-failed', duty, err: error }, `could not begin the duty "${duty}"`);
      this.#running.delete(duty);
      this.#send({ type: 'duty-failed', duty });
      return undefined;
    }
  }

  #save(duty: string, state: string): void {
    if (Buffer.byteLength(state) > stateCapBytes) {
      this.#log.error(
        { event: 'duty-state-too-long', duty },
        `the state of the duty "${duty}" is over ${stateCapBytes} bytes and was not kept`,
      );
      return;
    }
    this.#send({ type: 'duty-state', duty, state });
  }

  async #end(duty: string): Promise<void> {
    try {
      const stop = await this.#running.get(duty);
      await stop?.();
    } catch (error) {
      this.#log.error({ event: 'duty-stop-failed', duty, err: error }, `the duty "${duty}" did not end in order`);
    }
    this.#send({ type: 'duty-ended', duty });
  }
}
