import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load-config.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Severities } from '../../../src/lib/severities.ts';
import { Primary } from '../../../src/server/primary.ts';
import type { SilenceLimits } from '../../../src/server/silence.ts';
import type { FromWorker, ToWorker } from '../../../src/server/worker-messages.ts';
import type { RunningWorker, WorkerEvents } from '../../../src/server/worker-seat.ts';
import { until } from '../../support/until.ts';

const never = 1_000_000;

/** A worker that does as it is told, and says no more than the test makes it say. */
class PlainWorker implements RunningWorker {
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
      if (message.type === 'stop') this.#exit('exit code 0');
    });
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

class Node implements AsyncDisposable {
  readonly primary: Primary;
  /** Every one that ever was, in the order of their starts. */
  readonly workers: PlainWorker[] = [];

  constructor(silence: Partial<SilenceLimits> = {}) {
    this.primary = new Primary({
      config: loadConfig({ flags: { workers: '2', node: 'test' }, cwd: '/' }).config,
      log: silentLog,
      severities: new Severities(),
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

describe('the primary', () => {
  it('does not count a worker as serving that has said nothing for a while, and does again when it speaks', async () => {
    await using node = new Node({ unwellTicks: 4 });
    await node.primary.start();
    using _ = node.keepTalking(node.worker(1));
    const reasons = await until(() => node.primary.readiness.reasons.length === 1 && node.primary.readiness.reasons);
    expect(reasons[0]).toMatch(/^worker 1 has said nothing for \d+ s$/);
    expect(node.primary.readiness.ready).toBe(true);
    node.worker(0).report(0);
    expect(node.primary.readiness).toMatchObject({ ready: true, reasons: [] });
  });

  it('is not ready when no worker says anything', async () => {
    await using node = new Node({ unwellTicks: 4 });
    await node.primary.start();
    await until(() => !node.primary.readiness.ready);
    expect(node.primary.readiness.reasons).toHaveLength(2);
    expect(node.workers).toHaveLength(2);
  });

  it('lets a worker accept again that had stepped aside for one that says nothing', async () => {
    await using node = new Node({ unwellTicks: 4 });
    await node.primary.start();
    const [one, two] = [node.worker(0), node.worker(1)];
    two.report(1_000);
    await until(() => two.orders.includes('pause'));
    const talking = setInterval(() => two.report(1_000), 1);
    await until(() => two.orders.at(-1) === 'listen' && two.orders.includes('pause'));
    clearInterval(talking);
    expect(one.orders).toEqual(['start', 'listen']);
  });

  it('kills and replaces a worker that has said nothing for long, also one that hangs while it starts', async () => {
    await using node = new Node({ unwellTicks: 4, killTicks: 8 });
    await node.primary.start();
    using _ = node.keepTalking(node.worker(1));
    const successor = await until(() => node.workers[2]);
    using __ = node.keepTalking(successor);
    await until(() => node.primary.readiness.reasons.length === 0);
    expect(node.primary.seats.map(({ restarts }) => restarts)).toEqual([1, 0]);
  });

  it('holds its own pauses against nobody', async () => {
    await using node = new Node({ unwellTicks: 10, killTicks: 20 });
    await node.primary.start();
    using _ = node.keepTalking(...node.workers);
    // Nothing in this process goes on meanwhile: many times the 20 ticks.
    for (let pause = 0; pause < 3; pause++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(node.primary.readiness).toMatchObject({ ready: true, reasons: [] });
    expect(node.workers).toHaveLength(2);
  });

  it('does not count a worker as serving whose publications do not come back, and says why', async () => {
    await using node = new Node();
    await node.primary.start();
    const [one, two] = [node.worker(0), node.worker(1)];
    one.report(3, 'a publication did not come back within 5000 ms');
    const reason = 'worker 1 gets no publication through the broker: a publication did not come back within 5000 ms';
    expect(node.primary.readiness).toMatchObject({ ready: true, reasons: [reason] });
    two.report(3, 'the pipe to the primary is gone');
    expect(node.primary.readiness).toMatchObject({
      ready: false,
      reasons: [reason, expect.stringMatching(/^worker 2/)],
    });
    one.report(3);
    two.report(3);
    expect(node.primary.readiness).toMatchObject({ ready: true, reasons: [] });
  });

  it('hears of a failing broker between two reports, and of its recovery', async () => {
    await using node = new Node();
    await node.primary.start();
    for (const worker of node.workers) worker.say({ type: 'broker', failure: 'Redis is gone' });
    expect(node.primary.readiness).toMatchObject({
      ready: false,
      reasons: [1, 2].map((number) => `worker ${number} gets no publication through the broker: Redis is gone`),
    });
    node.worker(1).say({ type: 'broker' });
    expect(node.primary.readiness.ready).toBe(true);
  });

  it('keeps the list of nodes that was read last', async () => {
    await using node = new Node();
    await node.primary.start();
    expect(node.primary.nodes).toBeUndefined();
    node.worker(0).say({ type: 'nodes', nodes: [] });
    expect(node.primary.nodes).toEqual({ readAt: expect.any(Number), nodes: [] });
  });
});
