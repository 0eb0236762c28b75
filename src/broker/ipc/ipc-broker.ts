import type { Duplex } from 'node:stream';
import {
  type Broker,
  type BrokerSink,
  type BrokerUnavailableError,
  type Position,
  type PresenceCapability,
  type PresenceEvent,
  type PresenceMember,
  type PresencePage,
  type Publication,
} from '../broker.ts';
import { ProbeSubscription } from '../probe-subscription.ts';
import { LocalSubscriptions } from '../memory/local-subscriptions.ts';
import { memberBytes, readMember, writeMember } from './member-codec.ts';
import { publicationBytes, readPublication, writePublication } from './publication-codec.ts';
import { headerBytes, MalformedRecordError, recordType } from './record.ts';
import type { RecordCursor } from './record-cursor.ts';
import { WorkerPipe } from './worker-pipe.ts';

export interface IpcBrokerOptions {
  /**
   * Most bytes of requests that the primary has not answered; above it they are refused. One record may exceed it.
   * Default 64 MiB.
   */
  readonly unansweredBytes: number;
  /** How long `close` waits for the primary's last answers, in milliseconds. Default 2,000. */
  readonly closeTimeoutMs: number;
  /** Called once when the pipe ended without `close`. The broker does not recover: the worker is to be replaced. */
  readonly onLost?: (error: BrokerUnavailableError) => void;
}

/** Counts since the start, and what is there now. */
export interface IpcBrokerStats {
  readonly publications: number;
  readonly deliveries: number;
  /** How often the primary said that publications were missed. */
  readonly gaps: number;
  /** Pipes ended because of what came over them: 0 or 1. */
  readonly malformed: number;
  /** Bytes of requests that the primary has not answered, now. */
  readonly unansweredBytes: number;
}

/** Limits of a page travel as u32. */
const maxPageLimit = 2 ** 32 - 1;

/** A worker's broker: everything goes through the primary's `IpcSwitch` at the other end of the pipe. */
export class IpcBroker implements Broker {
  readonly presence: PresenceCapability;
  readonly probe: ProbeSubscription = new ProbeSubscription(this);
  readonly #pipe: WorkerPipe;
  readonly #unansweredCapBytes: number;
  readonly #closeTimeoutMs: number;
  readonly #subscriptions = new LocalSubscriptions();
  #sink: BrokerSink | undefined;
  #closing: Promise<void> | undefined;
  #publications = 0;
  #deliveries = 0;
  #gaps = 0;
  #malformed = 0;

  /** @param stream the worker's end of the pipe: `new Socket({ fd, readable: true, writable: true })` of node:net */
  constructor(
    stream: Duplex,
    { unansweredBytes = 64 * 1024 * 1024, closeTimeoutMs = 2_000, onLost }: Partial<IpcBrokerOptions> = {},
  ) {
    this.#unansweredCapBytes = unansweredBytes;
    this.#closeTimeoutMs = closeTimeoutMs;
    this.#pipe = new WorkerPipe(stream, {
      onRecord: (type, cursor) => this.#onRecord(type, cursor),
      onMalformed: () => void this.#malformed++,
      onLost: (error) => {
        this.#subscriptions.clear();
        onLost?.(error);
      },
    });
    this.presence = {
      enter: (name, member) => this.#enter(name, member),
      leave: (name, connectionId) => this.#leave(name, connectionId),
      members: (name, limit, cursor) => this.#members(name, limit, cursor),
    };
  }

  get stats(): IpcBrokerStats {
    return {
      publications: this.#publications,
      deliveries: this.#deliveries,
      gaps: this.#gaps,
      malformed: this.#malformed,
      unansweredBytes: this.#pipe.unansweredBytes,
    };
  }

  start(sink: BrokerSink): Promise<void> {
    this.#sink = sink;
    return this.#pipe.open();
  }

  async subscribe(names: readonly string[]): Promise<void> {
    const kept = [...names];
    const bytes = namesBytes(kept);
    this.#check(bytes);
    const ticket = this.#subscriptions.request(kept);
    this.#pipe.writer.strings(recordType.subscribe, kept);
    await this.#accepted(bytes, () => this.#subscriptions.confirm(kept, ticket));
  }

  async unsubscribe(names: readonly string[]): Promise<void> {
    const bytes = namesBytes(names);
    // What makes the primary's work less is not refused for its being behind.
    this.#check(bytes, Infinity);
    this.#subscriptions.drop(names);
    this.#pipe.writer.strings(recordType.unsubscribe, names);
    await this.#accepted(bytes);
  }

  async publish(publication: Publication): Promise<Position | undefined> {
    const bytes = publicationBytes(publication);
    this.#check(bytes);
    this.#publications++;
    writePublication(this.#pipe.writer, publication, bytes);
    await this.#accepted(bytes);
    return undefined;
  }

  close(): Promise<void> {
    this.#subscriptions.clear();
    this.probe.close();
    return (this.#closing ??= this.#pipe.close(this.#closeTimeoutMs));
  }

  async #enter(name: string, member: PresenceMember): Promise<void> {
    const nameBytes = Buffer.byteLength(name);
    const bodyBytes = 4 + nameBytes + memberBytes(member);
    this.#check(headerBytes + bodyBytes);
    const { writer } = this.#pipe;
    writer.begin(recordType.enter, bodyBytes);
    writer.string(name, nameBytes);
    writeMember(writer, member);
    await this.#accepted(headerBytes + bodyBytes);
  }

  async #leave(name: string, connectionId: string): Promise<void> {
    const values = [name, connectionId];
    const bytes = namesBytes(values);
    this.#check(bytes, Infinity);
    this.#pipe.writer.strings(recordType.leave, values);
    await this.#accepted(bytes);
  }

  async #members(name: string, limit: number, cursor = ''): Promise<PresencePage> {
    const nameBytes = Buffer.byteLength(name);
    const cursorBytes = Buffer.byteLength(cursor);
    const bodyBytes = 4 + nameBytes + 4 + 4 + cursorBytes;
    this.#check(headerBytes + bodyBytes);
    const { writer } = this.#pipe;
    writer.begin(recordType.members, bodyBytes);
    writer.string(name, nameBytes);
    writer.u32(limit >= 1 ? Math.min(Math.floor(limit), maxPageLimit) : 1);
    writer.string(cursor, cursorBytes);
    return new Promise((resolve, reject) => {
      this.#pipe.expect({ bytes: headerBytes + bodyBytes, answer: resolve, reject });
    });
  }

  #check(recordBytes: number, capBytes: number = this.#unansweredCapBytes): void {
    const refusal = this.#pipe.refusal(recordBytes, capBytes);
    if (refusal !== undefined) throw refusal;
  }

  #accepted(bytes: number, then: () => void = nothing): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pipe.expect({
        bytes,
        accept: () => {
          then();
          resolve();
        },
        reject,
      });
    });
  }

  #onRecord(type: number, cursor: RecordCursor): void {
    switch (type) {
      case recordType.publication:
        this.#deliver(readPublication(cursor));
        return;
      case recordType.gap:
        this.#tellGap(cursor.strings());
        return;
      case recordType.joined:
        this.#tell('join', cursor);
        return;
      case recordType.updated:
        this.#tell('update', cursor);
        return;
      case recordType.left:
        this.#tell('leave', cursor);
        return;
      default:
        throw new MalformedRecordError(`the primary sent a record of type ${type}`);
    }
  }

  #deliver(publication: Publication): void {
    if (!this.#subscriptions.has(publication.subscription) || this.probe.takes(publication)) return;
    this.#deliveries++;
    this.#sink?.deliver(publication);
  }

  #tellGap(names: readonly string[]): void {
    const present = names.filter((name) => this.#subscriptions.has(name) && name !== this.probe.name);
    if (present.length === 0) return;
    this.#gaps++;
    this.#sink?.gap(present);
  }

  #tell(type: PresenceEvent['type'], cursor: RecordCursor): void {
    const subscription = cursor.string();
    const member = readMember(cursor);
    cursor.finish();
    if (this.#subscriptions.has(subscription)) this.#sink?.presence({ subscription, type, member });
  }
}

function nothing(): void {}

/** Bytes of a record that holds only these strings. */
function namesBytes(names: readonly string[]): number {
  let bytes = headerBytes;
  for (const name of names) bytes += 4 + Buffer.byteLength(name);
  return bytes;
}
