import { randomBytes, randomUUID } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { NodeFacts } from '../gateway/cluster/node-facts.ts';
import type { Log } from '../lib/log.ts';
import type { Severities } from '../lib/severities.ts';
import { balance } from './balance.ts';
import { Duties } from './duties.ts';
import { NodeDrain, type DrainProgress } from './node-drain.ts';
import { StartError, StartInterruptedError } from './lifecycle.ts';
import { NodeCounts } from './node-counts.ts';
import { judgeReadiness, type NodeState, type Readiness } from './readiness.ts';
import { Replacements } from './replacements.ts';
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
  /** What the metrics read. */
  readonly counts: NodeCounts = new NodeCounts();
  readonly #parts: PrimaryParts;
  readonly #seats: WorkerSeat[];
  readonly #replacements: Replacements;
  readonly #duties: Duties<WorkerSeat>;
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
  #drain: NodeDrain | undefined;
  #stopping: Promise<void> | undefined;

  constructor(parts: PrimaryParts) {
    const { config, log, severities, spawn, silence = silenceLimits } = parts;
    this.#parts = parts;
    this.#askPort = config.port;
    this.#tls = parts.tls;
    this.#duties = new Duties((seat, duty, resumeFrom) => {
      seat.send({ type: 'duty', duty, ...(resumeFrom === undefined ? {} : { resumeFrom }) });
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
        ? [new WorkerSeat(0, config, owner)]
        : Array.from({ length: config.workers }, (_, index) => new WorkerSeat(index + 1, config, owner));
    this.#replacements = new Replacements({
      seats: this.#seats,
      makeSeat: (number, itsConfig) => new WorkerSeat(number, itsConfig, owner, true),
      retired: (seat) => this.#duties.retire(seat),
    });
  }

  /** What is in force, or is being put in force: that of the first worker, as a reload begins there. */
  get config(): Config {
    return this.#seats[0]?.config ?? this.#parts.config;
  }

  get state(): NodeState {
    return this.#state;
  }

  /** Always the same array. While workers are replaced it has two of one number. */
  get seats(): readonly WorkerSeat[] {
    return this.#seats;
  }

  /** The public port, also where the configuration asked for any. */
  get port(): number {
    return this.#port;
  }

  /** After this time those that were asked to stop are killed. Not all need to run with the same configuration. */
  get stopMs(): number {
    return Math.max(...this.#seats.map((seat) => workerStopMs(seat.config)));
  }

  get readiness(): Readiness {
    return judgeReadiness(this.config.node, this.#state, this.#seats);
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
   * Replaces the workers one by one, by such with this configuration and with the code that is on the disk now. No
   * connection is refused meanwhile. Where it fails the workers that have been replaced stay, and so do the others.
   * @throws StartError that says which worker could not be replaced, and why, and how many have been
   * @throws StartInterruptedError when the node begins to leave meanwhile
   */
  async reload(config: Config): Promise<void> {
    for (const seat of this.#seats.slice()) {
      if (this.#state !== 'serving') throw new StartInterruptedError();
      await this.#replacements.replace(seat, config);
    }
  }

  /** How far the leaving is. undefined: the node is not leaving, or stops at once. */
  get drainProgress(): DrainProgress | undefined {
    return this.#drain?.progress(this.#seats);
  }

  /**
   * Readiness turns red at once. After `drain.delay` no connection is accepted any more, and those there are are closed
   * over `drain.period`, by all workers at the same time; then all stops. A start that is under way is given up, and a
   * worker that takes too long is killed. Resolves when none is left. Idempotent.
   */
  async drain(): Promise<void> {
    if (this.#state === 'starting') return await this.stop();
    if (this.#drain === undefined && this.#stopping === undefined) this.#beginDrain();
    await (this.#stopping ?? this.#drain?.over);
    await this.stop();
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
    this.#replacements.abandon();
    // From here on `stopMs` bounds everything.
    clearInterval(this.#ticking);
    this.#duties.close();
    this.#startFailed?.(new StartInterruptedError());
    this.#unwatchSeverities();
    const killing = setTimeout(() => this.kill(), this.stopMs);
    await Promise.all(this.#seats.map((seat) => seat.stop()));
    clearTimeout(killing);
  }

  #beginDrain(): void {
    this.#state = 'draining';
    this.counts.isDraining = true;
    this.counts.drains++;
    // One that listens may have clients already, though it has not taken over yet.
    const isNewcomer = (seat: WorkerSeat): boolean => this.#replacements.isOnTrial(seat) && !seat.serves;
    const newcomers = this.#seats.filter(isNewcomer);
    this.#drain = new NodeDrain(
      this.config,
      this.#seats.filter((seat) => !isNewcomer(seat)),
    );
    this.#replacements.abandon();
    for (const seat of newcomers) void seat.stop();
  }

  #started(seat: WorkerSeat): void {
    const { severities } = this.#parts;
    const { config } = seat;
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
        this.#replacements.fails(seat, message.message);
        this.#startFailed?.(new StartError(message.message));
        return;
      case 'report':
        this.#replacements.reports(seat);
        this.#balance();
        return;
      case 'load':
      case 'paused':
      case 'draining':
        this.#balance();
        return;
      case 'severities':
        this.#parts.severities.set(message.change);
        return;
      case 'nodes':
        this.#listing = { readAt: Date.now(), nodes: message.nodes };
        return;
      case 'duty-offered':
        this.#duties.offer(seat, message.duty);
        return;
      case 'duty-state':
        this.#duties.save(seat, message.duty, message.state);
        return;
      case 'duty-failed':
        this.#duties.failed(seat, message.duty);
        return;
      case 'duty-ended':
        this.#duties.ended(seat, message.duty);
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
      // Asked for any port just when the last one that had it died, or left. The next one asks for the right one; one
      // that is to drain has its clients, and stops listening by itself.
      if (!seat.isLeaving) seat.kill();
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
    this.#duties.gone(seat);
    if (this.#state === 'stopping') return;
    const sentence = `worker ${seat.number} ended: ${how}`;
    if (seat.isLeaving && how === 'exit code 0') {
      this.#parts.log.info({ event: 'worker-left', worker: seat.number }, `worker ${seat.number} has taken its leave`);
      return;
    }
    this.#startFailed?.(new StartError(sentence));
    this.#parts.log.error({ event: 'worker-ended', worker: seat.number, how }, sentence);
    this.#replacements.fails(seat, `its process ended: ${how}`);
    // The shared socket goes with the last worker that had it; from then on the port must be asked for by its number.
    if (this.#port !== 0 && !this.#seats.some(({ state, isChanging }) => state === 'listening' || isChanging))
      this.#askPort = this.#port;
    this.#balance();
  }

  #balance(): void {
    if (this.#state === 'stopping') return;
    // Nobody steps aside for one that may not stay.
    balance(
      this.#seats.filter((seat) => !this.#replacements.isOnTrial(seat)),
      this.#askPort,
    );
  }

  #tellAll(message: ToWorker): void {
    for (const seat of this.#seats) seat.send(message);
  }
}
