import { BrokerClosedError } from '../broker.ts';
import { bytesOf, isUnused, makeLane, takeExpired, type Argument, type Call, type Lane } from './executor-lane.ts';
import type { Script } from './load-scripts.ts';
import { explainRedirection, replyCode, RedisUnavailableError } from './redis-command-errors.ts';
import type { RedisBrokerStats } from './redis-broker-stats.ts';
import type { RedisCommands } from './redis-commands.ts';
import type { RedisNode } from './redis-node.ts';
import type { RedisServers } from './redis-servers.ts';
import { slotOf } from './redis-slot.ts';
import { UnansweredCalls } from './unanswered-calls.ts';

export interface RedisExecutorOptions {
  readonly servers: RedisServers;
  /** What it comes to for one command, `RedisCommands` says. */
  readonly commandTimeoutMs: number;
  readonly stats: RedisBrokerStats;
}

/** Most bytes of commands that Redis has not answered; above it they are refused. One may exceed it. */
const unansweredCapBytes = 64 * 1024 * 1024;

/** Error replies of a cluster after which a command is sent again; it has not been carried out. */
const redirections: ReadonlySet<string | undefined> = new Set(['MOVED', 'ASK', 'TRYAGAIN', 'CLUSTERDOWN']);

/** Before a cluster that is just changing is asked again, in milliseconds. */
const patienceMs = 50;

/** Sends commands to where their keys are, and says in an operator's words what is wrong when it cannot. */
export class RedisExecutor implements RedisCommands {
  readonly #servers: RedisServers;
  readonly #commandTimeoutMs: number;
  readonly #stats: RedisBrokerStats;
  readonly #lanes = new Map<number, Lane>();
  readonly #corked = new Set<RedisNode>();
  readonly #unanswered: UnansweredCalls<RedisNode, Call>;
  /** Called when nothing is under way and nothing waits, while somebody awaits that. */
  #onIdle: (() => void) | undefined;
  /** Looks for what is to be given up, and for lanes that are not used any more; only while there is a lane. */
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor({ servers, commandTimeoutMs, stats }: RedisExecutorOptions) {
    this.#servers = servers;
    this.#commandTimeoutMs = commandTimeoutMs;
    this.#stats = stats;
    this.#unanswered = new UnansweredCalls(commandTimeoutMs, (call, node) => {
      this.#reject(call, new RedisUnavailableError('silent', `${node.server} does not answer`, 'unknown'));
    });
  }

  run(script: Script, keys: readonly string[], args: readonly Argument[], channel?: string): Promise<unknown> {
    return this.#call(script, channel, keys[0] ?? '', [keys.length, ...keys, ...args]);
  }

  publish(channel: string, payload: string | Buffer): Promise<unknown> {
    return this.#call(undefined, channel, channel, [channel, payload]);
  }

  /** Resolves when nothing is under way and nothing waits. */
  async idle(): Promise<void> {
    if (!this.#isIdle()) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  close(): void {
    this.#isClosed = true;
    this.#unanswered.clear();
    for (const lane of this.#lanes.values()) {
      clearTimeout(lane.timer);
      for (const call of [...lane.again, ...lane.waiting]) this.#reject(call, new BrokerClosedError());
    }
    this.#lanes.clear();
    clearInterval(this.#timer);
    this.#onIdle?.();
  }

  /** Whether nothing is under way and nothing waits. Takes away the lanes that it finds unused. */
  #isIdle(): boolean {
    for (const lane of this.#lanes.values()) {
      if (!isUnused(lane)) return false;
      this.#lanes.delete(lane.slot);
    }
    return true;
  }

  #call(
    script: Script | undefined,
    channel: string | undefined,
    key: string,
    args: readonly Argument[],
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new BrokerClosedError();
      const bytes = bytesOf(args);
      if (this.#stats.unansweredBytes > 0 && this.#stats.unansweredBytes + bytes > unansweredCapBytes) {
        throw new RedisUnavailableError(
          'overloaded',
          `Redis has not answered ${this.#stats.unansweredBytes} bytes of commands; no more are sent`,
        );
      }
      const slot = this.#servers.isSharded ? slotOf(key) : 0;
      let lane = this.#lanes.get(slot);
      if (lane === undefined) this.#lanes.set(slot, (lane = makeLane(slot)));
      // When the sockets have been read: a time in which this process did not run is no silence of the server.
      this.#timer ??= setInterval(() => setImmediate(() => this.#look()), this.#commandTimeoutMs / 8);
      this.#stats.unansweredBytes += bytes;
      const call: Call = {
        slot,
        script,
        channel,
        args,
        bytes,
        deadlineMs: performance.now() + this.#commandTimeoutMs,
        isSettled: false,
        isWithSource: false,
        ask: undefined,
        refusal: undefined,
        resolve,
        reject,
      };
      if (lane.isHeld) lane.waiting.push(call);
      else this.#send(lane, call);
    });
  }

  #send(lane: Lane, call: Call): void {
    const node = call.ask === undefined ? this.#servers.nodeOf(lane.slot) : this.#servers.nodeAt(call.ask);
    const client = node?.commands.client;
    if (node === undefined || client === undefined) {
      // A cluster finds another node for the slot, perhaps in time.
      if (this.#servers.isSharded) {
        call.refusal = undefined;
        this.#servers.refresh();
        lane.waiting.push(call);
        this.#hold(lane);
      } else {
        this.#reject(call, this.#absence(node));
        this.#settled(lane);
      }
      return;
    }
    if (lane.inFlight > 0 && lane.node !== node) {
      // Two nodes do not answer in one order.
      lane.waiting.push(call);
      this.#hold(lane, 0);
      return;
    }
    lane.node = node;
    lane.inFlight++;
    const sentMs = performance.now();
    this.#unanswered.sent(call, node, sentMs);
    this.#cork(node);
    const { script } = call;
    // One packet for both, and nothing in between: ASKING holds for the next command only.
    if (call.ask !== undefined) client.call('ASKING').catch(() => {});
    const answered =
      script === undefined
        ? client.callBuffer(this.#servers.isSharded ? 'SPUBLISH' : 'PUBLISH', ...call.args)
        : call.isWithSource
          ? client.callBuffer('EVAL', script.source, ...call.args)
          : client.callBuffer('EVALSHA', script.sha, ...call.args);
    call.ask = undefined;
    answered.then(
      (reply) => {
        lane.inFlight--;
        this.#answered(call, node, sentMs);
        this.#overtake(lane, call);
        this.#resolve(call, reply);
        this.#settled(lane);
      },
      (error: unknown) => {
        lane.inFlight--;
        // A connection that was lost is no answer.
        if (replyCode(error) === undefined) this.#unanswered.answered(call, node, performance.now());
        else this.#answered(call, node, sentMs);
        this.#failed(lane, call, node, error);
      },
    );
  }

  #answered(call: Call, node: RedisNode, sentMs: number): void {
    const nowMs = performance.now();
    this.#unanswered.answered(call, node, nowMs);
    this.#stats.commandSeconds.observe((nowMs - sentMs) / 1_000);
  }

  #failed(lane: Lane, call: Call, node: RedisNode, error: unknown): void {
    const code = replyCode(error);
    const isRedirected = this.#servers.isSharded && redirections.has(code);
    if (!this.#isClosed && !call.isSettled && (code === 'NOSCRIPT' || isRedirected)) {
      lane.again.push(call);
      if (isRedirected) this.#redirect(lane, call, node, error);
      else {
        call.isWithSource = true;
        call.refusal = new RedisUnavailableError('other', `${node.server} had forgotten a script`);
        this.#hold(lane, 0);
      }
      return;
    }
    const failure = node.explain(error);
    if (failure.trouble === 'read-only') node.demoted(failure);
    this.#reject(call, failure);
    this.#settled(lane);
  }

  /** Publications of before were not carried out, but this one was: they have missed their place. */
  #overtake(lane: Lane, { channel }: Call): void {
    if (lane.again.length === 0 || channel === undefined) return;
    lane.again = lane.again.filter((earlier) => {
      if (earlier.channel !== channel) return true;
      const { trouble = 'other', message = 'Redis has not taken a publication' } = earlier.refusal ?? {};
      this.#reject(earlier, new RedisUnavailableError(trouble, `${message}, and a later publication was first`));
      return false;
    });
  }

  /**
   * A slot that is being moved has its keys here and there, and its subscribers where it was, until it has moved. What
   * reads or changes keys follows them. A publication waits: where ASK points to, nobody would receive it.
   */
  #redirect(lane: Lane, call: Call, node: RedisNode, error: unknown): void {
    const code = replyCode(error);
    const address = error instanceof Error ? error.message.split(' ')[2] : undefined;
    // The first time at once; nodes that send it to and fro are given time to agree.
    const pauseMs = call.refusal === undefined ? 0 : patienceMs;
    call.refusal = explainRedirection(error, lane.slot, node.server) ?? node.explain(error);
    if (code === 'MOVED' && address !== undefined) {
      this.#servers.moved(lane.slot, address);
      this.#hold(lane, pauseMs);
    } else if (code === 'ASK' && call.channel === undefined) {
      call.ask = address;
      this.#hold(lane, pauseMs);
    } else {
      this.#servers.refresh();
      this.#hold(lane);
    }
  }

  /** Whatever comes for the lane waits, until those under way are answered and the pause is over. */
  #hold(lane: Lane, pauseMs: number = patienceMs): void {
    lane.isHeld = true;
    lane.pauseMs = Math.max(lane.pauseMs, pauseMs);
    // Those under way say more, and come before.
    if (lane.inFlight === 0) this.#resumeLater(lane);
  }

  #resumeLater(lane: Lane): void {
    clearTimeout(lane.timer);
    lane.timer = setTimeout(() => this.#resume(lane), lane.pauseMs);
  }

  #resume(lane: Lane): void {
    if (this.#isClosed) return;
    lane.timer = undefined;
    lane.pauseMs = 0;
    this.#expire(lane, performance.now());
    const calls = [...lane.again, ...lane.waiting];
    lane.again = [];
    lane.waiting = [];
    lane.isHeld = false;
    for (const call of calls) {
      if (lane.isHeld) lane.waiting.push(call);
      else this.#send(lane, call);
    }
    this.#settled(lane);
  }

  #look(): void {
    const nowMs = performance.now();
    this.#unanswered.look(nowMs);
    for (const lane of this.#lanes.values()) {
      this.#expire(lane, nowMs);
      // Not with its last answer: it would be made anew for every command of a quiet time.
      if (isUnused(lane)) this.#lanes.delete(lane.slot);
    }
    if (this.#lanes.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** What waits is given up in its time, also where what it waits for is not: an answer that does not come, say. */
  #expire(lane: Lane, nowMs: number): void {
    for (const call of takeExpired(lane, nowMs)) this.#reject(call, call.refusal ?? this.#absence(this.#holder(lane)));
  }

  /** On whom a lane waits. */
  #holder(lane: Lane): RedisNode | undefined {
    return lane.inFlight > 0 ? lane.node : this.#servers.nodeOf(lane.slot);
  }

  /** One of the lane's commands is over. */
  #settled(lane: Lane): void {
    if (lane.inFlight > 0) return;
    if (lane.isHeld) {
      if (lane.timer === undefined) this.#resumeLater(lane);
    } else if (this.#onIdle !== undefined && this.#isIdle()) this.#onIdle();
  }

  #resolve(call: Call, reply: unknown): void {
    if (call.isSettled) return;
    call.isSettled = true;
    this.#stats.unansweredBytes -= call.bytes;
    call.resolve(reply);
  }

  #reject(call: Call, error: Error): void {
    if (call.isSettled) return;
    call.isSettled = true;
    this.#stats.unansweredBytes -= call.bytes;
    call.reject(error);
  }

  #absence(node: RedisNode | undefined): RedisUnavailableError {
    const failure = node?.failure ?? this.#servers.failure;
    if (failure !== undefined) return new RedisUnavailableError(failure.trouble, failure.message);
    if (node?.commands.client !== undefined) {
      return new RedisUnavailableError('silent', `${node.server} does not answer`);
    }
    return new RedisUnavailableError('lost', `the connection to ${node?.server ?? 'Redis'} is lost`);
  }

  /** What is sent within one turn leaves in one write. */
  #cork(node: RedisNode): void {
    if (this.#corked.has(node)) return;
    const stream = node.commands.client?.stream;
    if (stream === undefined) return;
    this.#corked.add(node);
    stream.cork();
    setImmediate(() => {
      this.#corked.delete(node);
      stream.uncork();
    });
  }
}
