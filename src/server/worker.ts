import { hostname } from 'node:os';
import type { Broker } from '../broker/broker.ts';
import type { RedisOptions } from '../broker/redis/redis-options.ts';
import { Gateway } from '../gateway/gateway.ts';
import type { NodeIdentity } from '../gateway/cluster/node-facts.ts';
import { TrustedProxies } from '../http/client-address.ts';
import { Doorkeeper } from '../http/doorkeeper.ts';
import { HttpListener } from '../http/listener.ts';
import { Router } from '../http/router.ts';
import { silentLog, type Log } from '../lib/log.ts';
import { packageVersion } from '../lib/package-version.ts';
import { Severities } from '../lib/severities.ts';
import { Metrics } from '../metrics/metrics.ts';
import { Acceptor } from './acceptor.ts';
import { BrokerCheck, embeddedPace, paceWithin } from './broker-check.ts';
import { builtInRules } from './built-in-rules.ts';
import { Lifecycle, StartInterruptedError } from './lifecycle.ts';
import { openLogs, type Logs } from './logs.ts';
import { mountApps } from './mount-apps.ts';
import { NodeWatch } from './node-watch.ts';
import { Reports } from './reports.ts';
import { followSeverities, type SeverityLink } from './severity-link.ts';
import type { TlsPair } from './tls-pair.ts';
import { Turns } from './turns.ts';
import { WorkerDrain, type DrainedParts } from './worker-drain.ts';
import { workerDeadlines } from './worker-deadlines.ts';
import type { DrainWorker, FromWorker, StartWorker, ToWorker } from './worker-messages.ts';

export interface WorkerParts {
  send(message: FromWorker): void;
  /**
   * Makes the embedded broker, for where there is no Redis.
   * @param onLost to be called when it is gone for good
   */
  makeBroker(onLost: (error: Error) => void): Broker;
  /** Called last, when everything has stopped. */
  exit(code: number): void;
}

/** One worker: everything between its clients and the broker, started and stopped as its primary says. */
export class Worker {
  readonly #parts: WorkerParts;
  readonly #column = new Lifecycle(() => this.#log);
  #log: Log = silentLog;
  #logs: Logs | undefined;
  #severities: SeverityLink | undefined;
  #turns: Turns | undefined;
  #acceptor: Acceptor | undefined;
  #http: HttpListener | undefined;
  #tls: TlsPair | undefined;
  /** From the moment on that it can serve. */
  #served: DrainedParts | undefined;
  readonly #drain = new WorkerDrain();
  #stopping: Promise<void> | undefined;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case 'start':
        void this.#start(message);
        return;
      case 'listen':
        void this.#listen(message.port);
        return;
      case 'pause':
        this.#acceptor?.pause();
        this.#parts.send({ type: 'paused' });
        return;
      case 'severities':
        this.#severities?.apply(message.state);
        return;
      case 'tls':
        this.#replaceTls(message.pair);
        return;
      case 'duty':
        this.#turns?.begin(message.duty, message.resumeFrom);
        return;
      case 'reopen-logs':
        this.reopenLogs();
        return;
      case 'drain':
        void this.#takeLeave(message);
        return;
      case 'stop':
        void this.stop(0);
    }
  }

  /** Stops what has started, last first, and exits. Idempotent. */
  stop(exitCode: number): Promise<void> {
    this.#drain.cancel();
    this.#stopping ??= this.#column.stop().then(() => this.#parts.exit(exitCode));
    return this.#stopping;
  }

  reopenLogs(): void {
    this.#logs?.reopen();
  }

  /** An error that nobody caught: the process is in no state to say farewell. */
  crashed(error: unknown): void {
    this.#log.error({ event: 'worker-crashed', err: error }, 'an error that nobody caught ends the worker');
    this.#logs?.flush();
    if (this.#logs === undefined) process.stderr.write(`carillon: ${String(error)}\n`);
    this.#parts.exit(1);
  }

  async #start(message: StartWorker): Promise<void> {
    try {
      await this.#runColumn(message);
      this.#parts.send({ type: 'mounted' });
    } catch (error) {
      if (error instanceof StartInterruptedError) return;
      this.#fail(error);
    }
  }

  /** Read from top to bottom it is the start, from bottom to top the stop. */
  async #runColumn(start: StartWorker): Promise<void> {
    const { worker, config, severities: state, tls, ticketKeys } = start;
    const { send } = this.#parts;
    const identity = identityOf(start);
    const column = this.#column;
    const deadlines = workerDeadlines(config);
    const severities = new Severities(state);
    // Before anything is awaited: what the primary says from here on counts.
    this.#severities = followSeverities(severities, send);
    this.#tls = tls;
    const logs = await column.step(
      'logs',
      deadlines.logs,
      () => openLogs(config.log, severities, { node: config.node, worker }),
      (open) => open.flush(),
    );
    this.#logs = logs;
    this.#log = logs.log;
    const metrics = new Metrics();
    const reports = await column.step(
      'reports',
      deadlines.reports,
      () => new Reports(metrics, send),
      (running) => running.close(),
    );
    const router = new Router();
    const door = new Doorkeeper(config.accept, logs.log);
    metrics.watchAcceptTokens(() => door.tokens);
    const http = await column.step(
      'HTTP server',
      deadlines.server,
      () => {
        const pair = this.#tls;
        const secured = pair === undefined ? {} : { tls: { ...pair, ticketKeys: Buffer.from(ticketKeys, 'base64') } };
        return (this.#http = new HttpListener(config.http, {
          router,
          log: logs.log,
          access: logs.access,
          counts: metrics.counts,
          door,
          proxies: new TrustedProxies(config.accept.trustedProxies),
          ...secured,
        }));
      },
      (listener) => listener.close(deadlines.server.stopMs / 2),
    );
    const { broker, gateway } = await column.step(
      'broker and gateway',
      deadlines.gateway,
      async () => {
        const made = await this.#makeBroker(config.redis, logs.log, metrics);
        const node = identity;
        const rules = builtInRules(config.apps).map(({ rule }) => rule);
        const parts = { broker: made, options: config, log: logs.log, severities, metrics, node, builtInRules: rules };
        return { broker: made, gateway: await Gateway.start(parts) };
      },
      (running) => running.gateway.close(),
    );
    const watching = await column.step(
      'watching',
      deadlines.reports,
      () => {
        const pace = config.redis === undefined ? embeddedPace : paceWithin(config.redis.detectionMs);
        const brokerCheck = new BrokerCheck(broker.probe, pace, (failure) => reports.brokerChanged(failure));
        // One worker of the node is enough. There is always a first one: whoever dies is followed by the same number.
        const nodeWatch = worker > 1 ? undefined : watchNodes(gateway, identity, send, logs.log);
        return { brokerCheck, nodeWatch };
      },
      ({ brokerCheck, nodeWatch }) => {
        brokerCheck.close();
        nodeWatch?.close();
      },
    );
    const turns = (this.#turns = new Turns(send, logs.log));
    await column.step(
      'apps',
      deadlines.apps,
      () =>
        mountApps(config.apps, {
          gateway,
          router,
          log: logs.log,
          node: {
            name: config.node,
            worker,
            severities,
            ownLogs: logs.ownLogs,
            takeTurns: (duty, start) => turns.offer(duty, start),
          },
        }),
      async (mounted) => {
        await turns.close();
        await mounted.close();
      },
    );
    const acceptor = await column.step(
      'accepting',
      deadlines.accepting,
      () =>
        new Acceptor(config, {
          accepted: (socket) => {
            http.take(socket);
            // One worker has nobody to share with.
            if (config.workers > 1) reports.loadChanged();
          },
          failed: (error) =>
            logs.log.error({ event: 'accept-failed', err: error }, 'a connection could not be accepted'),
        }),
      (running) => running.pause(),
    );
    this.#acceptor = acceptor;
    this.#served = { acceptor, http, gateway };
    // So that the round trip is proved and every series is there when the node says that it is ready.
    await Promise.all([watching.brokerCheck.run(), watching.nodeWatch?.read()]);
    await reports.report();
  }

  async #takeLeave(order: DrainWorker): Promise<void> {
    await this.#drain.run(order, this.#served, (connections) => this.#parts.send({ type: 'draining', connections }));
    await this.stop(0);
  }

  async #listen(port: number): Promise<void> {
    if (this.#drain.isLeaving) return;
    try {
      const bound = await this.#acceptor?.listen(port);
      // A stop, or the end of a drain's delay, may have come meanwhile.
      if (this.#stopping !== undefined || this.#drain.isLeaving) this.#acceptor?.pause();
      else if (bound !== undefined) this.#parts.send({ type: 'listening', port: bound });
    } catch (error) {
      this.#fail(error);
    }
  }

  #replaceTls(pair: TlsPair): void {
    this.#tls = pair;
    this.#http?.setTls(pair);
  }

  async #makeBroker(redis: RedisOptions | undefined, log: Log, metrics: Metrics): Promise<Broker> {
    if (redis === undefined) return this.#parts.makeBroker((error) => this.#brokerLost(error));
    // Loaded here: a node without Redis does not pay for it.
    const { makeRedisBroker } = await import('./make-redis-broker.ts');
    return makeRedisBroker(redis, log, metrics);
  }

  /** Without its broker it would reach nobody and hear nothing: the clients are better off with another worker. */
  #brokerLost(error: Error): void {
    this.#log.error({ event: 'broker-lost', err: error }, 'the broker is gone, and the worker ends');
    void this.stop(1);
  }

  #fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#log.error({ event: 'start-failed', err: error }, message);
    this.#parts.send({ type: 'failed', message });
    void this.stop(1);
  }
}

function identityOf({ config, instance, worker, operations }: StartWorker): NodeIdentity {
  return {
    name: config.node,
    instance,
    worker,
    version: packageVersion(),
    host: hostname(),
    ...(operations === undefined ? {} : { operations }),
  };
}

function watchNodes(
  gateway: Gateway,
  identity: NodeIdentity,
  send: (message: FromWorker) => void,
  log: Log,
): NodeWatch {
  return new NodeWatch({
    identity,
    nodes: () => gateway.nodes(),
    read: (nodes) => send({ type: 'nodes', nodes }),
    log,
  });
}
