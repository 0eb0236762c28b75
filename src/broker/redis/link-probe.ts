import type { Redis } from 'ioredis';
import type { Script } from './load-scripts.ts';
import type { RedisBrokerStats } from './redis-broker-stats.ts';
import { replyCode } from './redis-command-errors.ts';

/** Where a probe goes. */
export interface ProbePlace {
  readonly channel: string;
  /** In a cluster in the slot of the channel. */
  readonly key: string;
}

export interface ProbeOutcome {
  readonly deadlineMs: number;
  /** Redis has answered the command, or refused it. */
  readonly isAnswered: boolean;
  /** What it was refused with. */
  readonly error: unknown;
  /**
   * The subscriber connection has brought what was published, or, where nothing can come because Redis refuses to
   * publish or to subscribe, it has answered.
   */
  readonly isHeard: boolean;
  /** The round trip, where it was made, in milliseconds. */
  readonly tookMs: number | undefined;
}

export interface LinkProbeOptions {
  readonly place: ProbePlace | undefined;
  readonly script: Script;
  readonly isSharded: boolean;
  readonly detectionMs: number;
  readonly stats: RedisBrokerStats;
  /** The command connection, while there is one. */
  readonly commands: () => Redis | undefined;
  /** The subscriber connection, while there is one. */
  readonly subscriber: () => Redis | undefined;
  /** What the SUBSCRIBE of the place's channel was refused with; undefined: it was not. */
  readonly refusal: () => unknown;
  /** Of each regular probe whose connections are still the ones it began with. */
  readonly onOutcome: (outcome: ProbeOutcome) => void;
}

interface Awaited {
  arrive(): void;
  /** Ends the attempt with what there is. */
  settle(): void;
}

/** How long a probe's key lives, in milliseconds. */
const keyLifeMs = 60_000;

/**
 * Regularly publishes to a channel of its own, and waits for that on the subscriber connection. It also writes a key, so
 * that a server which publishes but refuses to write is found out.
 */
export class LinkProbe {
  readonly #options: LinkProbeOptions;
  /** A quarter and a half: in the worst case a fault comes just behind a probe, and is seen after three quarters. */
  readonly #intervalMs: number;
  readonly #deadlineMs: number;
  readonly #awaited = new Map<string, Awaited>();
  #place: ProbePlace | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The regular probe that is under way. */
  #running: object | undefined;
  #sent = 0;
  #isClosed = false;

  constructor(options: LinkProbeOptions) {
    this.#options = options;
    this.#place = options.place;
    this.#intervalMs = options.detectionMs / 4;
    this.#deadlineMs = Math.floor(options.detectionMs / 2);
  }

  start(): void {
    this.#timer = setInterval(() => this.now(), this.#intervalMs);
  }

  /** Probes at once where both connections are there. */
  now(): void {
    if (this.#isClosed || this.#running !== undefined || this.#place === undefined) return;
    const { commands, subscriber } = this.#options;
    if (commands() !== undefined && subscriber() !== undefined) void this.#regular();
  }

  /** One of the connections is gone: what is under way cannot be answered. */
  interrupt(): void {
    this.#running = undefined;
    for (const { settle } of this.#awaited.values()) settle();
  }

  /** What the subscriber connection brought over the probe's channel. */
  arrived(token: Buffer): void {
    this.#awaited.get(token.toString())?.arrive();
  }

  move(place: ProbePlace): void {
    this.interrupt();
    this.#place = place;
    this.now();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.interrupt();
  }

  async #regular(): Promise<void> {
    const { onOutcome, stats } = this.#options;
    const self = (this.#running = {});
    const outcome = await this.attempt(this.#deadlineMs);
    // One that lost its connections on the way says nothing of those there are now.
    if (this.#isClosed || this.#running !== self) return;
    this.#running = undefined;
    if (outcome.tookMs === undefined) stats.probesFailed++;
    else stats.probeSeconds.observe(outcome.tookMs / 1_000);
    onOutcome(outcome);
  }

  /** Never rejects. */
  attempt(deadlineMs: number): Promise<ProbeOutcome> {
    const startedMs = performance.now();
    const client = this.#options.commands();
    const place = this.#place;
    const token = String(++this.#sent);
    let isAnswered = false;
    let isHeard = false;
    let error: unknown;
    let tookMs: number | undefined;
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        if (!this.#awaited.delete(token)) return;
        const isDone = isAnswered && error === undefined;
        resolve({
          deadlineMs,
          isAnswered,
          error,
          isHeard,
          tookMs: isDone ? tookMs : undefined,
        });
      };
      const progress = (): void => {
        if (isHeard && isAnswered) settle();
      };
      const heard = (): void => {
        isHeard = true;
        progress();
      };
      const ping = (): void => {
        // A refusal too comes over the connection that is in question.
        this.#options
          .subscriber()
          ?.ping()
          .then(heard, (refusal: unknown) => {
            if (replyCode(refusal) !== undefined) heard();
          });
      };
      const expire = (wasDueMs: number): void => {
        const lateMs = performance.now() - wasDueMs;
        if (lateMs > deadlineMs / 8) {
          // It is us who did not run. What came meanwhile is still to be read.
          timer = setTimeout(() => expire(performance.now()), deadlineMs / 4);
          return;
        }
        // Timers run before what the sockets have.
        setImmediate(() => setImmediate(settle));
      };
      timer = setTimeout(() => expire(startedMs + deadlineMs), deadlineMs);
      const arrive = (): void => {
        tookMs ??= performance.now() - startedMs;
        heard();
      };
      this.#awaited.set(token, { arrive, settle });
      if (client === undefined || place === undefined) {
        settle();
        return;
      }
      this.#send(client, place, token).then(
        () => {
          isAnswered = true;
          error = this.#options.refusal();
          if (error !== undefined) ping();
          progress();
        },
        (refusal: unknown) => {
          // Without a code it is no answer: the connection ended, or the time of a command was over.
          if (replyCode(refusal) === undefined) return;
          isAnswered = true;
          error = refusal;
          // Whatever is wrong with writing, is the subscriber connection alive?
          this.#publish(client, place, token).then(() => {
            if (this.#options.refusal() !== undefined) ping();
          }, ping);
        },
      );
    });
  }

  async #send(client: Redis, { channel, key }: ProbePlace, token: string): Promise<void> {
    const { script, isSharded } = this.#options;
    const args = [1, key, isSharded ? 'SPUBLISH' : 'PUBLISH', channel, token, keyLifeMs];
    try {
      await client.call('EVALSHA', script.sha, ...args);
    } catch (error) {
      if (replyCode(error) !== 'NOSCRIPT') throw error;
      await client.call('EVAL', script.source, ...args);
    }
  }

  async #publish(client: Redis, { channel }: ProbePlace, token: string): Promise<void> {
    await (this.#options.isSharded ? client.spublish(channel, token) : client.publish(channel, token));
  }
}
