import type { Duplex } from 'node:stream';
import type { Position, PresenceStats } from '../broker.ts';
import type { StoredPage } from '../memory/history-store.ts';
import type { RosterPage } from '../memory/member-roster.ts';
import { writeContentRecord, writeHistoryPage, writeKept } from './history-codec.ts';
import { hello, headerBytes, MalformedRecordError, recordType } from './record.ts';
import { RecordCursor } from './record-cursor.ts';
import { RecordReader } from './record-reader.ts';
import { RecordWriter } from './record-writer.ts';

export interface SwitchPeerListener {
  /** A request, `hello` excepted. @throws MalformedRecordError */
  onRequest(peer: SwitchPeer, type: number, chunk: Buffer, start: number, end: number): void;
  /** The worker caught up after publications had been withheld from it. */
  onGap(): void;
  onMalformed(error: MalformedRecordError): void;
  /** The pipe has ended, for whatever reason. Called once. */
  onGone(peer: SwitchPeer): void;
}

/** The switch's end of one worker's pipe: what to tell this worker, in which order, and how much at most. */
export class SwitchPeer {
  readonly #stream: Duplex;
  readonly #listener: SwitchPeerListener;
  readonly #backlogCapBytes: number;
  readonly #reader: RecordReader;
  readonly #writer: RecordWriter;
  /** Names of which something was withheld since the worker fell behind. */
  readonly #missed = new Set<string>();
  /** Requests carried out and not yet acknowledged. */
  #accepted = 0;
  #isGreeted = false;
  #isGone = false;

  constructor(stream: Duplex, backlogCapBytes: number, listener: SwitchPeerListener) {
    this.#stream = stream;
    this.#listener = listener;
    this.#backlogCapBytes = backlogCapBytes;
    this.#reader = new RecordReader((chunk, start, end) => this.#onRecord(chunk, start, end));
    this.#writer = new RecordWriter(stream, () => this.#beforeFlush(), this.#afterWrite);
    this.#writer.hello();
    stream.on('data', (chunk: Buffer) => this.#read(() => this.#reader.push(chunk)));
    stream.on('end', () => this.#onEnd());
    // A broken pipe is how a killed worker looks from here; 'close' follows.
    stream.on('error', () => {});
    stream.on('close', () => this.#onGone());
  }

  get backlogBytes(): number {
    return this.#writer.backlogBytes;
  }

  /** Notes that the oldest open request has been carried out; the worker hears of it at the end of the turn. */
  accept(): void {
    this.#accepted++;
    this.#writer.schedule();
  }

  /** The same, and what is sent to the worker from here on comes after the answer. */
  acceptNow(): void {
    this.#accepted++;
    this.#writeAccepted();
  }

  answerPage({ members, cursor = '' }: RosterPage<Buffer>): void {
    this.#writeAccepted();
    const cursorBytes = Buffer.byteLength(cursor);
    this.#writer.begin(
      recordType.page,
      members.reduce((sum, member) => sum + member.length, 4 + cursorBytes),
    );
    this.#writer.string(cursor, cursorBytes);
    for (const member of members) this.#writer.bytes(member);
  }

  answerStats({ connections, users }: PresenceStats): void {
    this.#writeAccepted();
    this.#writer.begin(recordType.stats, 8);
    this.#writer.u32(connections);
    this.#writer.u32(users);
  }

  answerKept(position: Position): void {
    this.#writeAccepted();
    writeKept(this.#writer, position);
  }

  answerHistory(page: StoredPage<Buffer>, isReverse: boolean): void {
    this.#writeAccepted();
    writeHistoryPage(this.#writer, page, isReverse);
  }

  /** Passes a publication on as it came; false: it was withheld because the worker is behind. */
  forward(name: string, chunk: Buffer, start: number, end: number): boolean {
    if (this.#isBehind(name)) return false;
    this.#writer.forward(chunk, start, end);
    return true;
  }

  /** The same for one that came as a request to keep it or to publish it once. */
  publish(name: string, content: Buffer, position: Position | undefined): boolean {
    if (this.#isBehind(name)) return false;
    writeContentRecord(this.#writer, name, content, position);
    return true;
  }

  /** The same for an event of presence. */
  tell(type: number, name: string, member: Buffer): boolean {
    if (this.#isBehind(name)) return false;
    const nameBytes = Buffer.byteLength(name);
    this.#writer.begin(type, 4 + nameBytes + member.length);
    this.#writer.string(name, nameBytes);
    this.#writer.bytes(member);
    return true;
  }

  destroy(): void {
    this.#stream.destroy();
  }

  get #isOverCap(): boolean {
    return this.backlogBytes >= this.#backlogCapBytes;
  }

  /** Once something was withheld everything is, until the pipe is empty: a hole, and not a sieve. */
  #isBehind(name: string): boolean {
    if (this.#missed.size === 0 && !this.#isOverCap) return false;
    this.#missed.add(name);
    return true;
  }

  /** Runs the reader; what is malformed ends the pipe. */
  #read(step: () => void): void {
    if (this.#isGone) return;
    try {
      step();
    } catch (error) {
      if (!(error instanceof MalformedRecordError)) throw error;
      this.#listener.onMalformed(error);
      this.#onGone();
      this.#stream.destroy();
    }
  }

  #onRecord(chunk: Buffer, start: number, end: number): void {
    const type = chunk[start + 4] ?? 0;
    if (this.#isGreeted) {
      this.#listener.onRequest(this, type, chunk, start, end);
      this.#holdWhileBehind();
      return;
    }
    if (type !== recordType.hello || !new RecordCursor(chunk, start + headerBytes, end).rest().equals(hello)) {
      throw new MalformedRecordError('the pipe does not begin with the magic and version of this installation');
    }
    this.#isGreeted = true;
  }

  #onEnd(): void {
    this.#onGone();
    this.#writer.flush();
    this.#stream.end();
  }

  #onGone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#missed.clear();
    this.#listener.onGone(this);
  }

  #writeAccepted(): void {
    if (this.#accepted === 0) return;
    this.#writer.begin(recordType.accepted, 4);
    this.#writer.u32(this.#accepted);
    this.#accepted = 0;
  }

  #beforeFlush(): void {
    this.#writeAccepted();
    this.#holdWhileBehind();
  }

  /**
   * Answers are never withheld. They are bounded because no request of a worker that is behind is carried out, also
   * none that has been read already: its backlog is over the cap by one answer at most.
   */
  #holdWhileBehind(): void {
    if (!this.#isOverCap) return;
    this.#reader.hold();
    this.#stream.pause();
  }

  readonly #afterWrite = (): void => {
    if (this.#isGone || this.#stream.writableLength > 0) return;
    this.#tellGap();
    // What this turn has added is still to be written, and this is called again then.
    if (!this.#reader.isHeld || this.#isOverCap) return;
    this.#read(() => this.#reader.release());
    if (!this.#reader.isHeld) this.#stream.resume();
  };

  /** The pipe is empty: what was withheld was to come here. */
  #tellGap(): void {
    if (this.#missed.size === 0) return;
    this.#writer.strings(recordType.gap, [...this.#missed]);
    this.#missed.clear();
    this.#listener.onGap();
  }
}
