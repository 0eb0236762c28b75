import type { Gateway } from '../gateway/gateway.ts';
import type { HttpListener } from '../http/listener.ts';
import { Alarm } from '../lib/alarm.ts';
import type { Acceptor } from './acceptor.ts';
import { firstRequestMs } from './worker-deadlines.ts';
import type { DrainWorker } from './worker-messages.ts';

/** What of a worker takes leave. */
export interface DrainedParts {
  readonly acceptor: Acceptor;
  readonly http: HttpListener;
  readonly gateway: Gateway;
}

/** A worker's leave: it goes on as before until the delay is over, accepts nobody then, and closes its connections. */
export class WorkerDrain {
  readonly #delay = new Alarm();
  #isCancelled = false;
  #isLeaving = false;

  /** The delay is over: nobody is accepted any more. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /**
   * Resolves when all clients have been told, and who was accepted last has been answered.
   * @param parts undefined: the worker has not started, and has nobody to take leave of
   * @param onLeaving called when it accepts nobody any more, with how many connections there are
   */
  async run(
    { delayMs, periodMs, hasSuccessor }: DrainWorker,
    parts: DrainedParts | undefined,
    onLeaving: (connections: number) => void,
  ): Promise<void> {
    if (parts === undefined) return;
    const { acceptor, http, gateway } = parts;
    await this.#delay.sleep(delayMs);
    if (this.#isCancelled) return;
    this.#isLeaving = true;
    if (hasSuccessor) http.wane();
    else http.refuse();
    // Who waits in the kernel's queue just now may still be told to come back.
    await new Promise((resolve) => setImmediate(resolve));
    acceptor.pause();
    onLeaving(gateway.connections.size);
    const heard = http.heardAll(firstRequestMs);
    await gateway.drain(periodMs);
    await heard;
    // Who has come in on a connection from before.
    if (!this.#isCancelled) await gateway.drain(0);
  }

  /** The worker stops, whatever is left to do; its gateway's close ends the pacing. */
  cancel(): void {
    this.#isCancelled = true;
    this.#delay.ring();
  }
}
