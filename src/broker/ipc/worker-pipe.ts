import type { Duplex } from 'node:stream';
import { BrokerClosedError, BrokerUnavailableError } from '../broker.ts';
import { OpenRequests } from './open-requests.ts';
import { headerBytes, hello, MalformedRecordError, maxRecordBytes, recordType } from './record.ts';
import { RecordCursor } from './record-cursor.ts';
import { RecordReader } from './record-reader.ts';
import { RecordWriter } from './record-writer.ts';

export interface WorkerPipeListener {
  /** Anything but `hello` and answers. @throws MalformedRecordError */
  onRecord(type: number, cursor: RecordCursor): void;
  onMalformed(): void;
  /** The pipe ended without `close`. Called at most once. */
  onLost(error: BrokerUnavailableError): void;
}

/** Answers that the worker's next steps have to come before whatever is handed over then. */
const holdingTypes: ReadonlySet<number> = new Set([recordType.page, recordType.historyPage]);
const answerTypes: ReadonlySet<number> = new Set([...holdingTypes, recordType.kept, recordType.stats]);

/** The worker's end of the pipe: requests and their answers, the greeting and the end. */
export class WorkerPipe {
  readonly writer: RecordWriter;
  readonly #stream: Duplex;
  readonly #listener: WorkerPipeListener;
  readonly #reader: RecordReader;
  readonly #requests = new OpenRequests();
  readonly #unansweredCapBytes: number;
  readonly #closed: Promise<void>;
  #greeting: { resolve(): void; reject(error: Error): void } | undefined;
  #isGreeted = false;
  #isClosing = false;
  #lost: BrokerUnavailableError | undefined;
  #cause: Error | undefined;

  /** @param unansweredCapBytes most bytes of requests that are not answered; one record may exceed it */
  constructor(stream: Duplex, unansweredCapBytes: number, listener: WorkerPipeListener) {
    this.#stream = stream;
    this.#unansweredCapBytes = unansweredCapBytes;
    this.#listener = listener;
    this.#reader = new RecordReader((chunk, start, end) => this.#onRecord(chunk, start, end));
    this.writer = new RecordWriter(stream);
    stream.on('error', (error: Error) => (this.#cause ??= error));
    this.#closed = new Promise((resolve) => {
      const onClose = (): void => {
        this.#onClose();
        resolve();
      };
      // A pipe that has ended already says so no more.
      if (stream.closed) setImmediate(onClose);
      else stream.on('close', onClose);
    });
  }

  get unansweredBytes(): number {
    return this.#requests.bytes;
  }

  /** Greets the switch and waits for its greeting. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosing) {
        reject(new BrokerClosedError());
        return;
      }
      if (this.#stream.destroyed) {
        reject(this.#lost ?? new BrokerUnavailableError('the pipe to the primary is gone'));
        return;
      }
      this.#greeting = { resolve, reject };
      this.#stream.on('data', (chunk: Buffer) => this.#read(() => this.#reader.push(chunk)));
      this.#stream.on('end', () => {
        this.#read(() => this.#reader.release());
        if (!this.#isClosing) this.#stream.destroy();
      });
      this.writer.hello();
    });
  }

  /**
   * To be called before a request of this length is written.
   * @param isRelief it makes the primary's work less, and is not refused for the primary's being behind
   * @throws BrokerClosedError, or BrokerUnavailableError when the request cannot be made now
   */
  check(recordBytes: number, isRelief = false): void {
    if (this.#isClosing) throw new BrokerClosedError();
    if (this.#lost !== undefined) throw this.#lost;
    if (!this.#isGreeted) throw new BrokerUnavailableError('the broker has not been started');
    if (!this.#stream.writable) throw new BrokerUnavailableError('the pipe to the primary is gone');
    if (recordBytes > maxRecordBytes) {
      throw new BrokerUnavailableError(
        `${recordBytes} bytes are too long for a record, which has at most ${maxRecordBytes}`,
      );
    }
    const { bytes } = this.#requests;
    if (!isRelief && bytes >= this.#unansweredCapBytes) {
      throw new BrokerUnavailableError(
        `the primary is behind: ${bytes} bytes are not answered, the cap unansweredBytes is ${this.#unansweredCapBytes}`,
      );
    }
  }

  /** Waits until the request whose record has just been written was carried out; calls `then` at that very place. */
  accepted(bytes: number, then?: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const accept = (): void => {
        then?.();
        resolve();
      };
      this.#requests.add({ bytes, accept, reject });
    });
  }

  /** Waits for the answer of this type to the request whose record has just been written. */
  answered<Answer>(bytes: number, answerType: number, read: (cursor: RecordCursor) => Answer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#requests.add({ bytes, answerType, answer: (cursor) => resolve(read(cursor)), reject });
    });
  }

  /** The same for a request that may as well be accepted without an answer. */
  answeredOrAccepted<Answer>(
    bytes: number,
    answerType: number,
    read: (cursor: RecordCursor) => Answer,
  ): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      const accept = (): void => resolve(undefined);
      this.#requests.add({ bytes, accept, answerType, answer: (cursor) => resolve(read(cursor)), reject });
    });
  }

  /** Sends what there is, waits for the answers, but not longer than this, and ends the pipe. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosing = true;
    if (this.#isGreeted && this.#stream.writable) {
      this.writer.flush();
      this.#stream.end();
      const timer = setTimeout(() => this.#stream.destroy(), timeoutMs);
      await this.#closed;
      clearTimeout(timer);
    } else {
      this.#stream.destroy();
      await this.#closed;
    }
  }

  /** Runs the reader; what is malformed ends the pipe. */
  #read(step: () => void): void {
    if (this.#stream.destroyed) return;
    try {
      step();
    } catch (error) {
      if (!(error instanceof MalformedRecordError)) throw error;
      this.#listener.onMalformed();
      this.#stream.destroy(error);
    }
  }

  #onRecord(chunk: Buffer, start: number, end: number): void {
    const type = chunk[start + 4] ?? 0;
    const cursor = new RecordCursor(chunk, start + headerBytes, end);
    if (!this.#isGreeted) {
      if (type !== recordType.hello || !cursor.rest().equals(hello)) {
        throw new MalformedRecordError('the pipe does not begin with the magic and version of this installation');
      }
      this.#isGreeted = true;
      this.#greeting?.resolve();
    } else if (type === recordType.accepted) {
      const count = cursor.u32();
      cursor.finish();
      this.#requests.accept(count);
    } else if (answerTypes.has(type)) {
      this.#requests.answer(type, cursor);
      if (holdingTypes.has(type)) this.#holdForAnswer();
    } else {
      this.#listener.onRecord(type, cursor);
    }
  }

  /**
   * Whoever awaits the answer goes on before anything else is handed over: a tick that a microtask queues runs when no
   * microtask is left.
   */
  #holdForAnswer(): void {
    this.#reader.hold();
    queueMicrotask(() => process.nextTick(() => this.#read(() => this.#reader.release())));
  }

  #onClose(): void {
    if (this.#isClosing) {
      this.#greeting?.reject(new BrokerClosedError());
      this.#requests.rejectAll(new BrokerClosedError());
      return;
    }
    const because = this.#cause === undefined ? '' : `: ${this.#cause.message}`;
    this.#lost = new BrokerUnavailableError(`the pipe to the primary is gone${because}`, {
      cause: this.#cause,
    });
    this.#greeting?.reject(this.#lost);
    this.#requests.rejectAll(this.#lost);
    this.#listener.onLost(this.#lost);
  }
}
