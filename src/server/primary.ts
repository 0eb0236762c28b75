import { randomBytes, randomUUID } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { NodeFacts } from '../gateway/cluster/node-facts.ts';
import type { Log } from '../lib/log.ts';
import type { Severities } from '../lib/severities.ts';
import { admissionChanges } from './admission.ts';
import { Duties } from './duties.ts';
import { StartError, StartInterruptedError } from './lifecycle.ts';
import { judgeReadiness, type NodeState, type Readiness } from './readiness.ts';
import { silenceLimits, type SilenceLimits } from './silence.ts';
import type { TlsPair } from './tls-pair.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';
import { workerStopMs } from './worker-deadlines.ts';
import { WorkerSeat, type SpawnWorker } from './worker-seat.ts';

/** The nodes of the cluster, as one of this node's workers read them last. */
export interface NodeListing {
  /** In milliseconds since 1970. */
  readonly readAt: number;
  readonly nodes: readonly NodeFacts[];
}

export interface PrimaryParts {
  readonly config: Config;
  readonly log: Log;
  /** The primary's own; its workers' follow it. */
  readonly severities: Severities;
  readonly spawn: SpawnWorker;
  readonly tls: TlsPair | undefined;
  /** Default: `silenceLimits`. */
  readonly silence?: SilenceLimits;
}

/**
 * The node: starts the workers, replaces the dead, says which of them accept connections, and keeps what they share:
 * the severities, the duties, the certificate. It is on no message path and never waits for a worker's answer.
 */
export class Primary {
  readonly #parts: PrimaryParts;
  readonly #seats: readonly WorkerSeat[];
  readonly #duties: Duties;
  readonly #unwatchSeverities: () => void;
  readonly #ticketKeys = randomBytes(48).toString('base64');
  readonly #instance = randomUUID();
  #operations: string | undefined;
  #listing: NodeListing | undefined;
  #tls: TlsPair | undefined;
  #state: NodeState = 'starting';
  /** What workers are told to listen on; 0 asks for any port, and all that ask so while one has it share it. */
  #askPort: number;
  #port = 0;
  #allListen: (() => void) | undefined;
  #startFailed: ((error: Error) => void) | undefined;
  #ticking: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;

  constructor(parts: PrimaryParts) {
    const { config, log, severities, spawn, silence = silenceLimits } = parts;
    this.#parts = parts;
    this.#askPort = config.port;
    this.#tls = parts.tls;
    this.#duties = new Duties((worker, duty, resumeFrom) => {
      this.#seat(worker)?.send({ type: 'duty', duty, ...(resumeFrom === undefined ? {} : { resumeFrom }) });
    });
    this.#unwatchSeverities = severities.watch((state) => this.#tellAll({ type: 'severities', state }));
    const owner = {
      spawn,
      log,
      silence,
      started: (seat: WorkerSeat) => this.#started(seat),
      message: (seat: WorkerSeat, message: FromWorker) => this.#message(seat, message),
      vacated: (seat: WorkerSeat, how: string) => this.#vacated(seat, how),
    };
    // With no worker processes, the one seat is the present process.
    this.#seats =
      config.workers === 0
        ? [new WorkerSeat(0, owner)]
        : Array.from({ length: config.workers }, (_, index) => new WorkerSeat(index + 1, owner));
  }

  get seats(): readonly WorkerSeat[] {
    return this.#seats;
  }

  /** The public port, also where the configuration asked for any. */
  get port(): number {
    return this.#port;
  }

  get readiness(): Readiness {
    return judgeReadiness(this.#parts.config.node, this.#state, this.#seats);
  }

  /** undefined until a worker has read it. */
  get nodes(): NodeListing | undefined {
    return this.#listing;
  }

  /**
   * Resolves when every worker listens.
   * @param operations where the operations port is, for the list of nodes
   * @throws StartError when one of them cannot
   */
  async start(operations?: string): Promise<void> {
    this.#operations = operations;
    const { tickMs } = this.#parts.silence ?? silenceLimits;
    this.#ticking = setInterval(() => this.#tick(), tickMs);
    await new Promise<void>((resolve, reject) => {
      this.#allListen = resolve;
      this.#startFailed = reject;
      for (const seat of this.#seats) seat.start();
    });
    this.#allListen = undefined;
    this.#startFailed = undefined;
    if (this.#state === 'starting') this.#state = 'serving';
  }

  /**
   * Readiness turns red at once, and all workers stop at the same time; those that do not in time are killed. Resolves
   * when none is left. Idempotent.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends all workers at once; their clients see a broken connection. */
  kill(): void {
    for (const seat of this.#seats) seat.kill();
  }

  /** From here on new TLS connections get this certificate, on all workers. */
  replaceTls(pair: TlsPair): void {
    this.#tls = pair;
    this.#tellAll({ type: 'tls', pair });
  }

  /** All processes of the node write to the log files that have the names now. */
  reopenLogs(): void {
    this.#tellAll({ type: 'reopen-logs' });
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping';
    // From here on `workerStopMs` bounds everything.
    clearInterval(this.#ticking);
    this.#duties.close();
    this.#startFailed?.(new StartInterruptedError());
    this.#unwatchSeverities();
    const killing = setTimeout(() => this.kill(), workerStopMs(this.#parts.config));
    await Promise.all(this.#seats.map((seat) => seat.stop()));
    clearTimeout(killing);
  }

  #started(seat: WorkerSeat): void {
    const { config, severities } = this.#parts;
    seat.send({
      type: 'start',
      worker: seat.number,
      instance: this.#instance,
      ...(this.#operations === undefined ? {} : { operations: this.#operations }),
      config,
      severities: severities.state,
      ticketKeys: this.#ticketKeys,
      ...(this.#tls === undefined ? {} : { tls: this.#tls }),
    });
  }

  #message(seat: WorkerSeat, message: FromWorker): void {
    switch (message.type) {
      case 'mounted':
        seat.order({ type: 'listen', port: this.#askPort });
        return;
      case 'listening':
        this.#listens(seat, message.port);
        return;
      case 'failed':
        this.#parts.log.error({ event: 'worker-failed', worker: seat.number }, message.message);
        this.#startFailed?.(new StartError(message.message));
        return;
      case 'load':
      case 'report':
      case 'paused':
        this.#balance();
        return;
      case 'severities':
        this.#parts.severities.set(message.change);
        return;
      case 'nodes':
        this.#listing = { readAt: Date.now(), nodes: message.nodes };
        return;
      case 'duty-offered':
        this.#duties.offer(seat.number, message.duty);
        return;
      case 'duty-state':
        this.#duties.save(seat.number, message.duty, message.state);
        return;
      case 'duty-failed':
        this.#duties.failed(seat.number, message.duty);
        return;
      case 'duty-ended':
        this.#duties.ended(seat.number, message.duty);
        return;
      case 'broker':
      // The seat has heard it.
      case 'hears':
      // The transport's business.
    }
  }

  #tick(): void {
    const newlySilent = this.#seats.filter((seat) => seat.tick());
    // New connections may be waiting for just that one to accept them.
    if (newlySilent.length > 0) this.#balance();
  }

  #listens(seat: WorkerSeat, port: number): void {
    if (this.#port === 0) this.#port = port;
    if (port !== this.#port) {
      // Asked for any port just when the last one that had it died. The next one asks for the right one.
      seat.kill();
      return;
    }
    if (this.#state === 'serving')
      this.#parts.log.info(
        { event: 'worker-listening', worker: seat.number },
        `worker ${seat.number} accepts connections`,
      );
    if (this.#seats.every(({ serves }) => serves)) this.#allListen?.();
    this.#balance();
  }

  #vacated(seat: WorkerSeat, how: string): void {
    this.#duties.gone(seat.number);
    if (this.#state === 'stopping') return;
    const sentence = `worker ${seat.number} ended: ${how}`;
    this.#startFailed?.(new StartError(sentence));
    this.#parts.log.error({ event: 'worker-ended', worker: seat.number, how }, sentence);
    // The shared socket goes with the last worker that had it; from then on the port must be asked for by its number.
    if (this.#port !== 0 && !this.#seats.some(({ state, isChanging }) => state === 'listening' || isChanging))
      this.#askPort = this.#port;
    this.#balance();
  }

  /** Keeps the connections spread over the workers, by who accepts new ones. */
  #balance(): void {
    if (this.#state === 'stopping') return;
    const serving = this.#seats.filter(({ serves, isSilent }) => serves && !isSilent);
    const { pause, resume } = admissionChanges(
      serving.map(({ number, connections, state, isChanging }) => ({
        worker: number,
        connections,
        isListening: state === 'listening' && !isChanging,
      })),
    );
    for (const number of pause) this.#order(number, { type: 'pause' });
    for (const number of resume) this.#order(number, { type: 'listen', port: this.#askPort });
  }

  #order(worker: number, message: ToWorker & { readonly type: 'listen' | 'pause' }): void {
    const seat = this.#seat(worker);
    if (seat !== undefined && !seat.isChanging) seat.order(message);
  }

  #seat(worker: number): WorkerSeat | undefined {
    return this.#seats.find(({ number }) => number === worker);
  }

  #tellAll(message: ToWorker): void {
    for (const seat of this.#seats) seat.send(message);
  }
}
