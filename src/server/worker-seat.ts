import type { Config } from '../config/config.ts';
import { fullJitterDelayMs, type BackoffOptions } from '../lib/backoff.ts';
import type { Log } from '../lib/log.ts';
import { countersOf, mergeMetrics } from '../metrics/merge-metrics.ts';
import type { MetricsSnapshot } from '../metrics/snapshot.ts';
import { withChanges } from '../metrics/snapshot-changes.ts';
import type { SilenceLimits } from './silence.ts';
import type { DrainWorker, FromWorker, ToWorker } from './worker-messages.ts';

/** A worker that runs, as its primary holds it. */
export interface RunningWorker {
  /** undefined: the process could not be started; `exit` follows. */
  readonly pid: number | undefined;
  send(message: ToWorker): void;
  /** Ends it at once. */
  kill(): void;
}

export interface WorkerEvents {
  message(message: FromWorker): void;
  /** It is no more. Called once. */
  exit(how: string): void;
}

/** Starts a worker: a process of its own, or the present one. */
export type SpawnWorker = (worker: number, events: WorkerEvents) => RunningWorker;

/**
 * - starting: the process runs, its parts start
 * - mounted: waits for its listening to be confirmed
 * - listening, paused: serves; accepts new connections, or leaves them to the others for a while
 * - draining: accepts nobody and takes leave of its clients, then ends
 * - restarting: dead, the next one comes after a backoff
 * - stopped: dead, and stays so
 */
export const seatStates = ['starting', 'mounted', 'listening', 'paused', 'draining', 'restarting', 'stopped'] as const;

export type SeatState = (typeof seatStates)[number];

export interface SeatOwner {
  readonly spawn: SpawnWorker;
  readonly log: Log;
  readonly silence: SilenceLimits;
  /** A process has begun; it waits for its first message. */
  started(seat: WorkerSeat): void;
  message(seat: WorkerSeat, message: FromWorker): void;
  /** The worker is gone. */
  vacated(seat: WorkerSeat, how: string): void;
}

const restartBackoff: BackoffOptions = { baseMs: 200, capMs: 10_000 };
/** A worker that served this long was healthy: its successor does not pay for earlier failures. */
const healthyMs = 10_000;

/**
 * One of the node's numbered places for a worker. Whoever dies here is followed by another with the same number and the
 * same configuration. While workers are replaced there are two seats of one number.
 */
export class WorkerSeat {
  readonly number: number;
  /** What its workers are started with. */
  readonly config: Config;
  readonly #owner: SeatOwner;
  #running: RunningWorker | undefined;
  #state: SeatState = 'stopped';
  #stateWasOrdered = false;
  #attempt = 0;
  #restarts = 0;
  #connections = 0;
  /** Ticks of the primary since the worker last said something. */
  #silentTicks = 0;
  #brokerFailure: string | undefined;
  #live: MetricsSnapshot = [];
  #retired: MetricsSnapshot = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #vacant: (() => void)[] = [];
  #keepsVacant: boolean;
  #isLeaving = false;
  #isRetired = false;

  /** @param isOnTrial its worker has no successor until `settle` */
  constructor(number: number, config: Config, owner: SeatOwner, isOnTrial = false) {
    this.number = number;
    this.config = config;
    this.#keepsVacant = isOnTrial;
    this.#owner = owner;
  }

  get state(): SeatState {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#running?.pid;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Open WebSocket connections as the worker last said. */
  get connections(): number {
    return this.#connections;
  }

  /** Whether the worker serves clients, as far as it has said. */
  get serves(): boolean {
    return this.#state === 'listening' || this.#state === 'paused';
  }

  /** Whether there is a worker that has said nothing for so long that it cannot be well. */
  get isSilent(): boolean {
    return this.#silentTicks >= this.#owner.silence.unwellTicks;
  }

  /** Why clients may not be served although there is a worker; undefined: nothing is known against it. */
  get ailment(): string | undefined {
    if (this.isSilent) return `has said nothing for ${this.#silentSeconds} s`;
    if (this.#brokerFailure !== undefined) return `gets no publication through the broker: ${this.#brokerFailure}`;
    return undefined;
  }

  /** Whether the worker has been told to drain or to stop. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Whether the worker has been told to accept nobody any more. One that leaves goes on accepting during the delay. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Whether an order to listen or pause has been given and not been confirmed. */
  get isChanging(): boolean {
    return this.#stateWasOrdered;
  }

  /** The worker's metrics, with the counters of its predecessors added. */
  get metrics(): MetricsSnapshot {
    return mergeMetrics([this.#retired, this.#live]);
  }

  start(): void {
    this.#state = 'starting';
    this.#silentTicks = 0;
    const running = this.#owner.spawn(this.number, {
      message: (message) => this.#message(message),
      exit: (how) => this.#exited(how),
    });
    this.#running = running;
    this.#owner.started(this);
  }

  send(message: ToWorker): void {
    this.#running?.send(message);
  }

  /** Orders the worker to accept connections, or to leave them to the others. */
  order(message: ToWorker & { readonly type: 'listen' | 'pause' }): void {
    this.#stateWasOrdered = true;
    this.send(message);
  }

  /** From here on whoever dies is followed by another. */
  settle(): void {
    this.#keepsVacant = false;
  }

  /** No successor from here on. Resolves when nobody is in the seat. */
  stop(): Promise<void> {
    this.#isLeaving = true;
    this.#isRetired = true;
    return this.#vacate({ type: 'stop' });
  }

  /** As `stop`, after the worker has taken leave of its clients. One that is leaving already is only waited for. */
  drain(order: DrainWorker): Promise<void> {
    const isFirst = !this.#isLeaving;
    this.#isLeaving = true;
    if (order.delayMs === 0) this.#isRetired = true;
    return this.#vacate(isFirst ? order : undefined);
  }

  /** Takes over what another seat of this number, which is vacant and stays so, has counted. */
  inherit({ metrics, restarts }: WorkerSeat): void {
    this.#retired = mergeMetrics([this.#retired, metrics]);
    this.#restarts += restarts;
  }

  kill(): void {
    this.#running?.kill();
  }

  /**
   * A tick of the primary has gone by. Who has been silent for too long is killed; the exit follows.
   * @returns whether the worker is taken for stuck from this tick on
   */
  tick(): boolean {
    if (this.#running === undefined) return false;
    const { unwellTicks, killTicks } = this.#owner.silence;
    this.#silentTicks++;
    if (this.#silentTicks === killTicks) {
      this.#tellSilence(', and is killed');
      this.kill();
    } else if (this.#silentTicks === unwellTicks) {
      this.#tellSilence('');
    }
    return this.#silentTicks === unwellTicks;
  }

  async #vacate(order: ToWorker | undefined): Promise<void> {
    this.#keepsVacant = true;
    clearTimeout(this.#timer);
    if (this.#running === undefined) {
      this.#state = 'stopped';
      return;
    }
    const vacant = new Promise<void>((resolve) => this.#vacant.push(resolve));
    if (order !== undefined) this.send(order);
    await vacant;
  }

  get #silentSeconds(): number {
    return Math.round((this.#silentTicks * this.#owner.silence.tickMs) / 1_000);
  }

  #tellSilence(consequence: string): void {
    this.#owner.log.error(
      { event: 'worker-silent', worker: this.number },
      `worker ${this.number} has said nothing for ${this.#silentSeconds} s${consequence}`,
    );
  }

  #message(message: FromWorker): void {
    this.#silentTicks = 0;
    switch (message.type) {
      case 'mounted':
        this.#state = 'mounted';
        break;
      case 'listening':
      case 'paused':
        // Said before it heard that it is to drain.
        if (this.#state === 'draining') return;
        if (this.#state === 'mounted') this.#forgiveLater();
        this.#state = message.type;
        this.#stateWasOrdered = false;
        break;
      case 'draining':
        this.#state = 'draining';
        this.#connections = message.connections;
        this.#stateWasOrdered = false;
        break;
      case 'load':
        this.#connections = message.connections;
        break;
      case 'report':
        this.#connections = message.connections;
        this.#live = withChanges(this.#live, message.snapshot);
        this.#brokerFailure = message.brokerFailure;
        break;
      case 'broker':
        this.#brokerFailure = message.failure;
        break;
      default:
    }
    this.#owner.message(this, message);
  }

  #exited(how: string): void {
    clearTimeout(this.#timer);
    this.#running = undefined;
    this.#retired = mergeMetrics([this.#retired, countersOf(this.#live)]);
    this.#live = [];
    this.#connections = 0;
    this.#silentTicks = 0;
    this.#brokerFailure = undefined;
    this.#stateWasOrdered = false;
    this.#state = this.#keepsVacant ? 'stopped' : 'restarting';
    if (!this.#keepsVacant) this.#restartLater();
    this.#owner.vacated(this, how);
    for (const vacant of this.#vacant.splice(0)) vacant();
  }

  #restartLater(): void {
    const delayMs = fullJitterDelayMs(this.#attempt++, restartBackoff);
    this.#timer = setTimeout(() => {
      this.#restarts++;
      this.start();
    }, delayMs);
  }

  #forgiveLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#attempt = 0), healthyMs).unref();
  }
}
