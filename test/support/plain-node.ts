import { loadConfig } from '../../src/config/load-config.ts';
import type { Config } from '../../src/config/config.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Severities } from '../../src/lib/severities.ts';
import { Primary } from '../../src/server/primary.ts';
import type { SilenceLimits } from '../../src/server/silence.ts';
import type { FromWorker, ToWorker } from '../../src/server/worker-messages.ts';
import type { RunningWorker, WorkerEvents } from '../../src/server/worker-seat.ts';

const never = 1_000_000;

/** A worker that does as it is told, and says no more than the test makes it say. A drain lasts until it is killed or stopped. */
export class PlainWorker implements RunningWorker {
  readonly pid: number;
  readonly orders: string[] = [];
  readonly #events: WorkerEvents;
  #isGone = false;

  constructor(pid: number, events: WorkerEvents) {
    this.pid = pid;
    this.#events = events;
  }

  send(message: ToWorker): void {
    setImmediate(() => {
      this.orders.push(message.type);
      if (message.type === 'start') this.say({ type: 'mounted' });
      if (message.type === 'listen') this.say({ type: 'listening', port: 4711 });
      if (message.type === 'pause') this.say({ type: 'paused' });
      if (message.type === 'drain' && message.delayMs === 0) this.say({ type: 'draining', connections: 0 });
      if (message.type === 'stop') this.#exit('exit code 0');
    });
  }

  /** Ends in order. */
  end(): void {
    this.#exit('exit code 0');
  }

  kill(): void {
    setImmediate(() => this.#exit('signal SIGKILL'));
  }

  say(message: FromWorker): void {
    if (!this.#isGone) this.#events.message(message);
  }

  report(connections: number, brokerFailure?: string): void {
    this.say({ type: 'report', snapshot: [], connections, ...(brokerFailure === undefined ? {} : { brokerFailure }) });
  }

  #exit(how: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#events.exit(how);
  }
}

/** Anew each time. */
export function plainConfig(changes: Partial<Config> = {}): Config {
  return { ...loadConfig({ flags: { workers: '2', node: 'test' }, cwd: '/' }).config, ...changes };
}

/** A primary with two plain workers. */
export class PlainNode implements AsyncDisposable {
  readonly primary: Primary;
  readonly severities = new Severities();
  /** Every one that ever was, in the order of their starts. */
  readonly workers: PlainWorker[] = [];

  constructor(silence: Partial<SilenceLimits> = {}, changes: Partial<Config> = {}) {
    this.primary = new Primary({
      config: plainConfig(changes),
      log: silentLog,
      severities: this.severities,
      tls: undefined,
      silence: { tickMs: 5, unwellTicks: never, killTicks: never, ...silence },
      spawn: (_, events) => {
        const worker = new PlainWorker(this.workers.length + 1, events);
        this.workers.push(worker);
        return worker;
      },
    });
  }

  worker(index: number): PlainWorker {
    const worker = this.workers[index];
    if (worker === undefined) throw new Error(`there is no worker at ${index}`);
    return worker;
  }

  /** Both first workers report in every turn of a timer until this is disposed of. */
  keepTalking(...workers: readonly PlainWorker[]): Disposable {
    const timer = setInterval(() => {
      for (const worker of workers) worker.report(0);
    }, 1);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.primary.stop();
  }
}
