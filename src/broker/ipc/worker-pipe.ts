import type { Duplex } from 'node:stream';
import { BrokerClosedError, BrokerUnavailableError, type PresenceMember, type PresencePage } from '../broker.ts';
import { readMember } from './member-codec.ts';
import { OpenRequests, type OpenRequest } from './open-requests.ts';
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

/** The worker's end of the pipe: requests and their answers, the greeting and the end. */
export class WorkerPipe {
  readonly writer: RecordWriter;
  readonly #stream: Duplex;
  readonly #listener: WorkerPipeListener;
  readonly #reader: RecordReader;
  readonly #requests = new OpenRequests();
  readonly #closed: Promise<void>;
  #greeting: { resolve(): void; reject(error: Error): void } | undefined;
  #isGreeted = false;
  #isClosing = false;
  #lost: BrokerUnavailableError | undefined;
  #cause: Error | undefined;

  constructor(stream: Duplex, listener: WorkerPipeListener) {
    this.#stream = stream;
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

  /** Why a request of this length cannot be made now; undefined: it can. */
  refusal(recordBytes: number, capBytes: number): Error | undefined {
    if (this.#isClosing) return new BrokerClosedError();
    if (this.#lost !== undefined) return this.#lost;
    if (!this.#isGreeted) return new BrokerUnavailableError('the broker has not been started');
    if (!this.#stream.writable) return new BrokerUnavailableError('the pipe to the primary is gone');
    if (recordBytes > maxRecordBytes) {
      return new BrokerUnavailableError(
        `${recordBytes} bytes are too long for a record, which has at most ${maxRecordBytes}`,
      );
    }
    if (this.#requests.bytes >= capBytes) {
      return new BrokerUnavailableError(
        `the primary is behind: ${this.#requests.bytes} bytes are not answered, the cap unansweredBytes is ${capBytes}`,
      );
    }
    return undefined;
  }

  /** Notes a request whose record has just been written. */
  expect(request: OpenRequest): void {
    this.#requests.add(request);
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
    } else if (type === recordType.page) {
      this.#requests.answer(readPage(cursor));
      // Whoever awaits the page goes on before the next event: a tick that a microtask queues runs when no microtask
      // is left.
      this.#reader.hold();
      queueMicrotask(() => process.nextTick(() => this.#read(() => this.#reader.release())));
    } else {
      this.#listener.onRecord(type, cursor);
    }
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

function readPage(cursor: RecordCursor): PresencePage {
  const next = cursor.string();
  const members: PresenceMember[] = [];
  while (!cursor.isAtEnd) members.push(readMember(cursor));
  return next === '' ? { members } : { members, cursor: next };
}
