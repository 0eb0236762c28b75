import type { Duplex } from 'node:stream';
import {
  type Broker,
  type BrokerSink,
  type BrokerUnavailableError,
  type HistoryCapability,
  type HistoryPage,
  type HistoryQuery,
  type Position,
  type PresenceCapability,
  type PresenceEvent,
  type Publication,
  type PublishOptions,
} from '../broker.ts';
import { ControlSubscription } from '../control-subscription.ts';
import { ProbeSubscription } from '../probe-subscription.ts';
import { LocalSubscriptions } from '../memory/local-subscriptions.ts';
import {
  keepBytes,
  keepMarginBytes,
  readHistoryPage,
  readKept,
  readPositioned,
  readRequestBytes,
  writeKeep,
  writeReadRequest,
} from './history-codec.ts';
import { IpcPresence } from './ipc-presence.ts';
import { readMember } from './member-codec.ts';
import { publicationBytes, readPublication, writePublication } from './publication-codec.ts';
import { MalformedRecordError, recordType } from './record.ts';
import type { RecordCursor } from './record-cursor.ts';
import { stringsBytes } from './record-writer.ts';
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

/** A worker's broker: everything goes through the primary's `IpcSwitch` at the other end of the pipe. */
export class IpcBroker implements Broker {
  readonly history: HistoryCapability;
  readonly presence: PresenceCapability;
  readonly control: ControlSubscription = new ControlSubscription(this);
  readonly probe: ProbeSubscription = new ProbeSubscription(this);
  readonly #pipe: WorkerPipe;
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
    this.#closeTimeoutMs = closeTimeoutMs;
    this.#pipe = new WorkerPipe(stream, unansweredBytes, {
      onRecord: (type, cursor) => this.#onRecord(type, cursor),
      onMalformed: () => void this.#malformed++,
      onLost: (error) => {
        this.#subscriptions.clear();
        onLost?.(error);
      },
    });
    this.history = { read: (name, query) => this.#read(name, query) };
    this.presence = new IpcPresence(this.#pipe);
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
    const bytes = stringsBytes(kept);
    this.#pipe.check(bytes);
    const ticket = this.#subscriptions.request(kept);
    this.#pipe.writer.strings(recordType.subscribe, kept);
    await this.#pipe.accepted(bytes, () => this.#subscriptions.confirm(kept, ticket));
  }

  async unsubscribe(names: readonly string[]): Promise<void> {
    const bytes = stringsBytes(names);
    this.#pipe.check(bytes, true);
    this.#subscriptions.drop(names);
    this.#pipe.writer.strings(recordType.unsubscribe, names);
    await this.#pipe.accepted(bytes);
  }

  async publish(publication: Publication, options?: PublishOptions): Promise<Position | undefined> {
    if (options?.history !== undefined || options?.id !== undefined) return this.#keep(publication, options);
    const bytes = publicationBytes(publication);
    this.#pipe.check(bytes);
    this.#publications++;
    writePublication(this.#pipe.writer, publication, bytes);
    await this.#pipe.accepted(bytes);
    return undefined;
  }

  close(): Promise<void> {
    this.#subscriptions.clear();
    this.probe.close();
    return (this.#closing ??= this.#pipe.close(this.#closeTimeoutMs));
  }

  async #keep(publication: Publication, options: PublishOptions): Promise<Position | undefined> {
    const bytes = keepBytes(publication, options);
    this.#pipe.check(bytes + keepMarginBytes);
    this.#publications++;
    writeKeep(this.#pipe.writer, publication, options, bytes);
    return this.#pipe.answeredOrAccepted(bytes, recordType.kept, readKept);
  }

  async #read(name: string, query: HistoryQuery): Promise<HistoryPage> {
    const bytes = readRequestBytes(name, query);
    this.#pipe.check(bytes);
    writeReadRequest(this.#pipe.writer, name, query, bytes);
    return this.#pipe.answered(bytes, recordType.historyPage, (cursor) => readHistoryPage(cursor, name));
  }

  #onRecord(type: number, cursor: RecordCursor): void {
    switch (type) {
      case recordType.publication:
        this.#deliver(readPublication(cursor));
        return;
      case recordType.positioned:
        this.#deliver(readPositioned(cursor));
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
    if (!this.#subscriptions.has(publication.subscription)) return;
    if (this.probe.takes(publication) || this.control.takes(publication)) return;
    this.#deliveries++;
    this.#sink?.deliver(publication);
  }

  #tellGap(names: readonly string[]): void {
    const present = names.filter(
      (name) => this.#subscriptions.has(name) && name !== this.probe.name && !this.control.owns(name),
    );
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
