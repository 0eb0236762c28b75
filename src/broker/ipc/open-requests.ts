import { MalformedRecordError } from './record.ts';
import type { RecordCursor } from './record-cursor.ts';

/** A request that the switch has not answered. */
export interface OpenRequest {
  /** Length of its record. */
  readonly bytes: number;
  /** Called when it was carried out. Absent: it is answered by a record of its own. */
  readonly accept?: () => void;
  /** Type of that record. Absent: there is none. */
  readonly answerType?: number;
  /** Reads that record. @throws MalformedRecordError */
  readonly answer?: (cursor: RecordCursor) => void;
  readonly reject: (error: Error) => void;
}

/** How many answered requests may lie before the open ones until the array is cut. */
const cutAfter = 1024;

/** The requests under way, oldest first, which is the order of their answers. */
export class OpenRequests {
  #requests: OpenRequest[] = [];
  #first = 0;
  #bytes = 0;

  /** Bytes of all records that are not answered. */
  get bytes(): number {
    return this.#bytes;
  }

  add(request: OpenRequest): void {
    this.#requests.push(request);
    this.#bytes += request.bytes;
  }

  accept(count: number): void {
    for (let accepted = 0; accepted < count; accepted++) {
      const { accept } = this.#oldest;
      if (accept === undefined) throw new MalformedRecordError('an answer was asked for and only accepted');
      this.#shift();
      accept();
    }
  }

  answer(type: number, cursor: RecordCursor): void {
    const request = this.#oldest;
    if (request.answer === undefined || request.answerType !== type) {
      throw new MalformedRecordError(`an answer of type ${type} that was not asked for`);
    }
    // It is open until its answer has been read: what is malformed rejects it with the others.
    request.answer(cursor);
    this.#shift();
  }

  rejectAll(error: Error): void {
    const open = this.#requests.slice(this.#first);
    this.#requests = [];
    this.#first = 0;
    this.#bytes = 0;
    for (const request of open) request.reject(error);
  }

  get #oldest(): OpenRequest {
    const request = this.#requests[this.#first];
    if (request === undefined) throw new MalformedRecordError('an answer without a request');
    return request;
  }

  #shift(): void {
    this.#bytes -= this.#oldest.bytes;
    this.#first++;
    if (this.#first === this.#requests.length) {
      this.#requests = [];
      this.#first = 0;
    } else if (this.#first > cutAfter && this.#first * 2 > this.#requests.length) {
      this.#requests = this.#requests.slice(this.#first);
      this.#first = 0;
    }
  }
}
