import type { Socket } from 'node:net';
import type { Batch, BatchStart } from './batch.ts';
import type { Entry } from './entry.ts';
import type { FlushScheduler, Urgency } from './flush-scheduler.ts';
import type { SocketWrites, Writer } from './socket-writes.ts';

/** A turn's batch of up to this many bytes leaves in one write, of which everybody who was given the same has a share. */
const batchBytes = 256 * 1024;
/** Of what has had to wait, so much leaves in one write, or one entry. The rest can still be dropped. */
const pieceBytes = 64 * 1024;
/** Pieces that one connection may send in a row before others have their turn. */
const piecesInARow = 4;

export interface OutboxParts {
  readonly scheduler: FlushScheduler;
  readonly writes: SocketWrites;
  /** Those of which the kernel has not taken all that was written, so that nobody has to ask every one. */
  readonly behind: Set<Outbox>;
}

export interface OutboxOwner {
  /** The kernel has taken all that was written. */
  emptied(): void;
}

interface Waiter {
  remainingBytes: number;
  readonly callback: () => void;
}

/**
 * What a connection still has to send. What it is given in one turn of the event loop leaves in one write at the
 * turn's end, in the order given. While the kernel has not taken a write no other is begun: what is given then waits
 * here, entry by entry.
 */
export class Outbox implements Writer {
  /** Part of `Writer`. */
  handle: unknown;
  readonly #socket: Socket;
  readonly #parts: OutboxParts;
  readonly #start: BatchStart;
  readonly #owner: OutboxOwner;
  /** Given in this turn. */
  #batch: Batch | undefined;
  /** Given before, and has to wait; before the batch. */
  #backlog: Entry[] | undefined;
  #backlogBytes = 0;
  #inFlightBytes = 0;
  #isScheduled = false;
  #urgency: Urgency = 0;
  #waiters: Waiter[] | undefined;

  constructor(socket: Socket, windowBits: number, parts: OutboxParts, owner: OutboxOwner) {
    this.#socket = socket;
    this.#parts = parts;
    this.#start = parts.scheduler.batchStart(windowBits);
    this.#owner = owner;
  }

  /** Bytes the kernel has not taken. */
  get bytes(): number {
    return (this.#batch?.byteLength ?? 0) + this.#backlogBytes + this.#inFlightBytes;
  }

  /** Whether the kernel has not taken what was written: what is given waits until then. */
  get isBehind(): boolean {
    return this.#inFlightBytes > 0;
  }

  /** Whether so many bytes more stay under the cap. One entry is taken whatever its size when nothing else waits. */
  hasRoom(bytes: number, capBytes: number): boolean {
    const waiting = this.bytes;
    return waiting === 0 || waiting + bytes <= capBytes;
  }

  /** Writes these at once, and does not count them as waiting. To be called before anything else is given. */
  begin(bytes: Buffer): void {
    this.#parts.writes.write(this.#socket, bytes, { taken: ignore });
  }

  /** @param bytes the entry's, for this connection */
  push(entry: Entry, bytes: Buffer): void {
    if (this.#inFlightBytes > 0 || this.#backlog !== undefined) {
      (this.#backlog ??= []).push(entry);
      this.#backlogBytes += bytes.length;
      return;
    }
    this.#batch = this.#batch === undefined ? this.#start.first(entry, bytes) : this.#batch.with(entry, bytes);
    const { scheduler } = this.#parts;
    if (this.#isScheduled && this.#urgency <= scheduler.urgency) return;
    this.#isScheduled = true;
    this.#urgency = scheduler.urgency;
    scheduler.schedule(this);
  }

  /** Writes what waits, unless the kernel has not taken the last write. */
  flush(): void {
    this.#isScheduled = false;
    if (this.#inFlightBytes > 0) return;
    const batch = this.#batch;
    if (batch === undefined && this.#backlog === undefined) return;
    if (batch !== undefined && this.#backlog === undefined && batch.byteLength <= batchBytes) {
      this.#batch = undefined;
      if (this.#write(batch.joined)) this.#emptied();
      return;
    }
    if (batch !== undefined) this.#setAside(batch);
    this.#writePieces();
  }

  /** Part of `Writer`. */
  taken(): void {
    const bytes = this.#inFlightBytes;
    this.#inFlightBytes = 0;
    this.#countTaken(bytes);
    if (this.#inFlightBytes > 0) return;
    if (this.#backlog !== undefined) return this.#writePieces();
    this.#parts.behind.delete(this);
    this.#emptied();
  }

  /**
   * Lets a policy for slow consumers change what waits; something must.
   * @param change is given the entries, the oldest first, and answers by how many bytes they have become more or less
   */
  edit<Change extends { readonly changedBytes: number }>(change: (waiting: Entry[]) => Change): Change {
    if (this.#batch !== undefined) this.#setAside(this.#batch);
    const backlog = (this.#backlog ??= []);
    const changed = change(backlog);
    this.#backlogBytes += changed.changedBytes;
    if (backlog.length === 0) this.#backlog = undefined;
    return changed;
  }

  /** Calls back once the kernel has taken all that waits now; at once when nothing does. */
  whenTaken(callback: () => void): void {
    this.flush();
    const { bytes } = this;
    if (bytes === 0) setImmediate(callback);
    else (this.#waiters ??= []).push({ remainingBytes: bytes, callback });
  }

  /** Hands all that waits to the socket, whether or not the kernel can take it: nothing will be given any more. */
  release(): void {
    const { bytes } = this;
    if (this.#batch !== undefined) this.#setAside(this.#batch);
    if (this.#backlog !== undefined) {
      this.#socket.cork();
      for (const entry of this.#backlog) this.#socket.write(entry.bytesFor(this.#start.windowBits));
      this.#socket.uncork();
    }
    this.discard();
    this.#inFlightBytes = bytes;
    if (bytes > 0) this.#parts.behind.add(this);
  }

  /** Forgets what has not been written; what the socket has been given goes out or dies with it. */
  discard(): void {
    this.#batch = undefined;
    this.#backlog = undefined;
    this.#backlogBytes = 0;
    this.#parts.behind.delete(this);
    for (const { callback } of this.#waiters ?? []) setImmediate(callback);
    this.#waiters = undefined;
  }

  #setAside(batch: Batch): void {
    const entries = batch.entries();
    this.#batch = undefined;
    this.#backlogBytes += batch.byteLength;
    if (this.#backlog === undefined) this.#backlog = entries;
    else for (const entry of entries) this.#backlog.push(entry);
  }

  #writePieces(): void {
    for (let pieces = 0; this.#backlog !== undefined; pieces++) {
      if (pieces === piecesInARow) {
        this.#isScheduled = true;
        this.#parts.scheduler.schedule(this);
        return;
      }
      if (!this.#write(this.#takePiece(this.#backlog))) return;
    }
    this.#parts.behind.delete(this);
    this.#emptied();
  }

  #takePiece(backlog: Entry[]): Buffer {
    const { windowBits } = this.#start;
    const pieces: Buffer[] = [];
    let length = 0;
    for (const entry of backlog) {
      // A note counts nothing, and is made when it is its turn.
      const counted = entry.content === 'note' ? 0 : entry.bytesFor(windowBits).length;
      if (pieces.length > 0 && length + counted > pieceBytes) break;
      pieces.push(entry.bytesFor(windowBits));
      length += counted;
    }
    backlog.splice(0, pieces.length);
    this.#backlogBytes -= length;
    if (backlog.length === 0) {
      this.#backlog = undefined;
      this.#backlogBytes = 0;
    }
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  }

  /** @returns whether the kernel has taken all of it */
  #write(bytes: Buffer): boolean {
    // A note of which the client is told nothing.
    if (bytes.length === 0) return true;
    if (!this.#parts.writes.write(this.#socket, bytes, this)) {
      this.#inFlightBytes = bytes.length;
      this.#parts.behind.add(this);
      return false;
    }
    this.#countTaken(bytes.length);
    // Whoever was told may have flushed.
    return this.#inFlightBytes === 0;
  }

  #countTaken(bytes: number): void {
    if (this.#waiters === undefined) return;
    const waiters = this.#waiters;
    this.#waiters = undefined;
    for (const waiter of waiters) waiter.remainingBytes -= bytes;
    const left = waiters.filter(({ remainingBytes }) => remainingBytes > 0);
    if (left.length > 0) this.#waiters = left;
    for (const { remainingBytes, callback } of waiters) if (remainingBytes <= 0) callback();
  }

  #emptied(): void {
    if (this.bytes > 0) return;
    // What was dropped was never taken.
    this.#countTaken(Infinity);
    if (this.bytes === 0) this.#owner.emptied();
  }
}

function ignore(): void {}
