import type { PresencePage } from '../broker.ts';
import { MalformedRecordError } from './record.ts';

/** A request that the switch has not answered. */
export interface OpenRequest {
  /** Length of its record. */
  readonly bytes: number;
  /** Called when it was carried out. Absent: it is answered by a page. */
  readonly accept?: () => void;
  readonly answer?: (page: PresencePage) => void;
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
      const { accept } = this.#shift();
      if (accept === undefined) throw new MalformedRecordError('a page was asked for and only accepted');
      accept();
    }
  }

  answer(page: PresencePage): void {
    const { answer } = this.#shift();
    if (answer === undefined) throw new MalformedRecordError('a page that was not asked for');
    answer(page);
  }

  rejectAll(error: Error): void {
    const open = this.#requests.slice(this.#first);
    this.#requests = [];
    this.#first = 0;
    this.#bytes = 0;
    for (const request of open) request.reject(error);
  }

  #shift(): OpenRequest {
    const request = this.#requests[this.#first];
    if (request === undefined) throw new MalformedRecordError('an answer without a request');
    this.#first++;
    this.#bytes -= request.bytes;
    if (this.#first === this.#requests.length) {
      this.#requests = [];
      this.#first = 0;
    } else if (this.#first > cutAfter && this.#first * 2 > this.#requests.length) {
      this.#requests = this.#requests.slice(this.#first);
      this.#first = 0;
    }
    return request;
  }
}
