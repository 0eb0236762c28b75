import type { MessageKind } from '../../broker/broker.ts';
import { RingQueue } from '../../lib/ring-queue.ts';
import type { Counts } from '../../metrics/counts.ts';
import type { AppCalls } from './app-calls.ts';
import type { Connection } from '../connection.ts';
import type { ReceivedMessage } from './inbox.ts';
import { Intake } from './intake.ts';

/** What one connection may have handled in one turn of the event loop: messages of up to `unitBytes`; a longer one counts as several. */
const turnBudget = 64;
const unitBytes = 4 * 1024;
/** So much of it may be used over several turns, as long as nobody else is heard. */
const muchUsed = 16;

/** Above this many waiting bytes, and a message, a connection is closed: nothing that is not compressed comes to so much. */
const waitingCapBytes = 16 * 1024 * 1024;
/** Of connections that are gone so much may wait in all; what comes on top of it is dropped. */
const goneCapBytes = 16 * 1024 * 1024;

/** How long one turn handles what had to wait, in milliseconds; connections take turns. */
const sliceMs = 4;

/** With so many publications, or bytes of them, that the broker has not settled, it is behind … */
const behindPublications = 1_024;
const behindBytes = 4 * 1024 * 1024;
/** … and with so many nothing more is handled at all: short of what brokers refuse by default, so that they need not. */
const fullPublications = 16 * 1_024;
const fullBytes = 16 * 1024 * 1024;

/** The part of `FlushScheduler` that matters here. */
export interface Deliveries {
  readonly isLate: boolean;
  readonly rounds: number;
}

/**
 * From the sockets to the apps. One connection has so much handled per turn, so many handlers under way, and so many
 * multicasts that the broker has not settled; beyond that it is not read, and what had been read by then, a chunk or
 * two of the socket's, waits in order. So TCP slows down whoever sends faster than apps or the broker can follow,
 * whether the app awaits its multicasts or not, and nobody else's messages are refused for it.
 */
export class Dispatcher {
  readonly #calls: AppCalls;
  readonly #counts: Counts;
  /** Connections that something waits of, and that may have it handled. */
  readonly #listed = new RingQueue<Connection>();
  readonly #waitingForRoom: (() => void)[] = [];
  /** What waits of them may be handled once the broker is not behind any more, or something of theirs has ended. */
  readonly #untilCaughtUp = new Set<Connection>();
  /** Who was heard last in this turn, and how much of it was handled without anybody else in between. */
  #speaker: Connection | undefined;
  #used = 0;
  #isScheduled = false;
  #handling: Connection | undefined;
  #publicationBytes = 0;
  #goneBytes = 0;
  /** Asynchronous handlers of all connections that have not settled. */
  #handlers = 0;
  #onIdle: (() => void) | undefined;
  readonly #deliveries: Deliveries;

  /** @param deliveries what this worker gives its subscribers; while it is late, nobody makes it more by publishing on */
  constructor(calls: AppCalls, counts: Counts, deliveries: Deliveries) {
    this.#calls = calls;
    this.#counts = counts;
    this.#deliveries = deliveries;
  }

  message(connection: Connection, data: Buffer, kind: MessageKind): void {
    if (this.#speaker !== connection) this.#turnTo(connection);
    const { intake } = connection;
    const isFree = intake === undefined || (!intake.isWaiting && this.#isFree(intake));
    if (this.#used < turnBudget && isFree && !this.#isFull) {
      this.#use(costOf(data));
      this.#handle(connection, data, kind);
    } else {
      this.#wait(connection, { data, kind });
    }
  }

  /** A ping or pong, which is answered or ignored at once, as many as there are; but the rest is read in the next turn. */
  control(connection: Connection): void {
    this.#count(connection, 1);
  }

  /** As `control`, for a message in the pull mode. */
  taken(connection: Connection, data: Buffer): void {
    this.#count(connection, costOf(data));
  }

  /** The client begins to close, or is gone: what it sent before is handled before that, as far as may be. */
  ending(connection: Connection): void {
    const { intake } = connection;
    if (intake?.isWaiting === true) this.#handleWaiting(connection, intake, Infinity);
  }

  /** As `AppCalls.closed`, once nothing waits any more. */
  closed(connection: Connection, code: number, reason: string): void {
    if (this.#speaker === connection) this.#speaker = undefined;
    const { intake } = connection;
    if (intake !== undefined) this.#release(connection, intake);
    const bytes = intake?.waitingBytes ?? 0;
    if (intake?.isWaiting === true && this.#goneBytes + bytes <= goneCapBytes) {
      this.#goneBytes += bytes;
      intake.farewell = () => {
        this.#goneBytes -= bytes;
        this.#calls.closed(connection, code, reason);
      };
      return;
    }
    intake?.discard();
    this.#untilCaughtUp.delete(connection);
    this.#calls.closed(connection, code, reason);
  }

  /**
   * The broker is given a publication.
   * @returns whose handler is running, to be told to `settled`
   */
  publishing(bytes: number): Connection | undefined {
    this.#counts.multicastsUnsettled++;
    this.#publicationBytes += bytes;
    const connection = this.#handling;
    if (connection === undefined) return undefined;
    const intake = (connection.intake ??= new Intake());
    intake.multicasts++;
    intake.publishedAt = this.#deliveries.rounds;
    return connection;
  }

  settled(connection: Connection | undefined, bytes: number): void {
    const wasFull = this.#isFull;
    const wasBehind = this.#isBehind;
    this.#counts.multicastsUnsettled--;
    this.#publicationBytes -= bytes;
    if (connection?.intake !== undefined) {
      connection.intake.multicasts--;
      this.#goOn(connection, connection.intake);
    }
    if (wasBehind && !this.#isBehind) this.#caughtUp();
    this.#tellIdle();
    if (!wasFull || this.#isFull) return;
    for (const resume of this.#waitingForRoom.splice(0)) resume();
    if (this.#listed.length > 0) this.#schedule();
  }

  /** For the pull mode. @returns undefined: something more can be handled now */
  room(): Promise<void> | undefined {
    return this.#isFull ? new Promise((resolve) => this.#waitingForRoom.push(resolve)) : undefined;
  }

  /**
   * Resolves when all that was received has been handled and the broker has settled what was published, after
   * `deadlineMs` at the latest. To be called once, when no more is to come.
   */
  async idle(deadlineMs: number): Promise<void> {
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, deadlineMs));
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** What waits is in the list, or brought back by what is under way. */
  get #isIdle(): boolean {
    return this.#listed.length === 0 && this.#handlers === 0 && this.#counts.multicastsUnsettled === 0;
  }

  #tellIdle(): void {
    if (this.#onIdle !== undefined && this.#isIdle) this.#onIdle();
  }

  get #isBehind(): boolean {
    return this.#counts.multicastsUnsettled >= behindPublications || this.#publicationBytes >= behindBytes;
  }

  get #isFull(): boolean {
    return this.#counts.multicastsUnsettled >= fullPublications || this.#publicationBytes >= fullBytes;
  }

  #isFree(intake: Intake): boolean {
    const { isLate, rounds } = this.#deliveries;
    if (isLate && intake.publishedAt === rounds) return false;
    return intake.isFree(this.#isBehind);
  }

  #count(connection: Connection, cost: number): void {
    if (this.#speaker !== connection) this.#turnTo(connection);
    this.#use(cost);
    if (this.#used >= turnBudget) this.#hold(connection, (connection.intake ??= new Intake()));
  }

  #turnTo(connection: Connection): void {
    this.#speaker = connection;
    this.#used = 0;
  }

  #use(cost: number): void {
    this.#used += cost;
    // Where a turn ends matters to those who say much; one who speaks now and then needs no callback each time.
    if (this.#used >= muchUsed) this.#schedule();
  }

  #handle(connection: Connection, data: Buffer, kind: MessageKind): void {
    this.#handling = connection;
    const result = this.#calls.message(connection, data, kind);
    this.#handling = undefined;
    if (result === undefined) return;
    const intake = (connection.intake ??= new Intake());
    intake.handlers++;
    this.#handlers++;
    result.then(
      () => this.#ended(connection, intake),
      (error: unknown) => {
        this.#calls.failed(connection, error);
        this.#ended(connection, intake);
      },
    );
  }

  #wait(connection: Connection, message: ReceivedMessage): void {
    const intake = (connection.intake ??= new Intake());
    if (intake.waitingBytes > waitingCapBytes + connection.limits.messageBytes) {
      this.#counts.countLimit('message-bytes');
      connection.close(1009, `compressed messages of more than ${waitingCapBytes} bytes were waiting`);
      return;
    }
    intake.push(message);
    this.#hold(connection, intake);
  }

  #ended(connection: Connection, intake: Intake): void {
    intake.handlers--;
    this.#handlers--;
    this.#goOn(connection, intake);
    this.#tellIdle();
  }

  #hold(connection: Connection, intake: Intake): void {
    if (!intake.isHeld) {
      intake.isHeld = true;
      this.#counts.connectionsHeld++;
      connection.hold();
    }
    this.#list(connection, intake);
  }

  #release(connection: Connection, intake: Intake): void {
    if (!intake.isHeld) return;
    intake.isHeld = false;
    this.#counts.connectionsHeld--;
    connection.release();
  }

  #goOn(connection: Connection, intake: Intake): void {
    if (intake.isWaiting || intake.farewell !== undefined) this.#list(connection, intake);
  }

  #caughtUp(): void {
    for (const connection of this.#untilCaughtUp)
      if (connection.intake !== undefined) this.#goOn(connection, connection.intake);
    this.#untilCaughtUp.clear();
  }

  #list(connection: Connection, intake: Intake): void {
    if (intake.isListed) return;
    intake.isListed = true;
    this.#listed.push(connection);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(endTurn, this);
  }

  /** The sockets have been read, and are read again afterwards. */
  endTurn(): void {
    this.#isScheduled = false;
    this.#speaker = undefined;
    const endMs = this.#listed.length > 0 ? performance.now() + sliceMs : 0;
    for (let left = this.#listed.length; left > 0 && !this.#isFull; left--) {
      const connection = this.#listed.shift();
      if (connection?.intake !== undefined) this.#visit(connection, connection.intake);
      if (performance.now() >= endMs) break;
    }
    if (this.#listed.length > 0 && !this.#isFull) this.#schedule();
    this.#tellIdle();
  }

  #visit(connection: Connection, intake: Intake): void {
    intake.isListed = false;
    this.#handleWaiting(connection, intake, turnBudget);
    if (!intake.isWaiting) {
      this.#release(connection, intake);
      const { farewell } = intake;
      intake.farewell = undefined;
      farewell?.();
    } else if (this.#isFull || intake.isFree(this.#isBehind)) {
      this.#list(connection, intake);
    } else if (intake.isFree(false)) {
      this.#untilCaughtUp.add(connection);
    }
    // Else what is under way brings it back.
  }

  #handleWaiting(connection: Connection, intake: Intake, budget: number): void {
    for (let left = budget; left > 0 && !this.#isFull && this.#isFree(intake);) {
      const next = intake.shift();
      if (next === undefined) return;
      left -= costOf(next.data);
      this.#handle(connection, next.data, next.kind);
    }
  }
}

function endTurn(dispatcher: Dispatcher): void {
  dispatcher.endTurn();
}

function costOf({ length }: Buffer): number {
  return 1 + Math.floor(length / unitBytes);
}
