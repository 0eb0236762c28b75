import type { Duplex } from 'node:stream';
import { pingFrame } from './frame.ts';

/** Above this many bytes a turn's messages are written before its end, so that the kernel can take them meanwhile. */
const earlyFlushBytes = 64 * 1024;
/** Up to this many bytes, several frames are joined into one buffer; above, copying costs more than a vector write … */
const joinBytes = 32 * 1024;
/** … unless the frames are this short on average: a write of its own costs more than the copy of so many bytes. */
const shortFrameBytes = 2 * 1024;
/** Results of joining that are kept until the end of the turn. */
const keptJoins = 32;

/**
 * What a connection still has to send. Frames given in one turn of the event loop leave in one write at the turn's
 * end, in the order given; frames are shared between connections and never changed.
 */
export class Outbox {
  readonly #socket: Duplex;
  readonly #scheduler: FlushScheduler;
  readonly #taken: (() => void) | undefined;
  #frames: Buffer[] = [];
  #bytes = 0;

  /** @param taken called after each write that the kernel has taken whole */
  constructor(socket: Duplex, scheduler: FlushScheduler, taken?: () => void) {
    this.#socket = socket;
    this.#scheduler = scheduler;
    this.#taken = taken;
  }

  /** Bytes the kernel has not taken. */
  get bytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  push(frame: Buffer): void {
    if (this.#frames.length === 0) this.#scheduler.schedule(this);
    this.#frames.push(frame);
    this.#bytes += frame.length;
    if (this.#bytes > earlyFlushBytes) this.flush();
  }

  flush(): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    const bytes = this.#bytes;
    this.#frames = [];
    this.#bytes = 0;
    const [only] = frames;
    if (frames.length === 1 && only !== undefined) {
      this.#write(only);
    } else if (bytes <= joinBytes || bytes <= frames.length * shortFrameBytes) {
      this.#write(this.#scheduler.join(frames, bytes));
    } else {
      this.#socket.cork();
      for (const frame of frames) this.#write(frame);
      this.#socket.uncork();
    }
  }

  /** Calls back once the kernel has taken all that waits now, or never will. A ping goes out behind it, as the least there is to write. */
  whenTaken(callback: () => void): void {
    this.flush();
    this.#socket.write(pingFrame, callback);
  }

  #write(bytes: Buffer): void {
    if (this.#taken === undefined) this.#socket.write(bytes);
    else this.#socket.write(bytes, this.#taken);
  }

  /** Forgets what has not been written; what the socket has already taken goes out or dies with it. */
  discard(): void {
    this.#frames = [];
    this.#bytes = 0;
  }
}

interface Join {
  readonly frames: readonly Buffer[];
  readonly joined: Buffer;
}

/** Flushes every outbox that was given something, once per turn: one scheduled callback per worker, not per connection. */
export class FlushScheduler {
  #waiting: Outbox[] = [];
  #joins: Join[] = [];
  #nextJoin = 0;

  schedule(outbox: Outbox): void {
    if (this.#waiting.length === 0) setImmediate(flushWaiting, this);
    this.#waiting.push(outbox);
  }

  /**
   * Joins frames. Subscribers of the same subscriptions were given the same frames, and so were clients that come back
   * together, so the last results are kept for the next.
   */
  join(frames: readonly Buffer[], bytes: number): Buffer {
    for (const join of this.#joins) if (sameFrames(frames, join.frames)) return join.joined;
    const joined = Buffer.concat(frames, bytes);
    this.#joins[this.#nextJoin] = { frames, joined };
    this.#nextJoin = (this.#nextJoin + 1) % keptJoins;
    return joined;
  }

  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const outbox of waiting) outbox.flush();
    this.#joins = [];
    this.#nextJoin = 0;
  }
}

function flushWaiting(scheduler: FlushScheduler): void {
  scheduler.flush();
}

function sameFrames(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
