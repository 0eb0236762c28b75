import {
  BrokerUnavailableError,
  type Broker,
  type BrokerSink,
  type HistoryCapability,
  type HistoryPage,
  type HistoryQuery,
  type Position,
  type PresenceCapability,
  type PresenceEvent,
  type Publication,
  type PublishOptions,
} from '../../src/broker/broker.ts';
import { MemoryBroker } from '../../src/broker/memory/memory-broker.ts';

/** An epoch and the offset of its first publication. */
interface Generation {
  readonly epoch: string;
  readonly start: number;
}

/** A real broker of one process, between which and its gateway things go wrong when a test says so. */
export class FaultyBroker implements Broker {
  readonly history: HistoryCapability;
  readonly presence: PresenceCapability;
  /** Reads that have begun, those that have not ended, and the most of these there were at a time. */
  reads = 0;
  readsUnderWay = 0;
  mostReadsUnderWay = 0;
  /** Gets live publications instead of the sink, to give them on as often, and as late, as it likes. */
  onDeliver: ((publication: Publication, deliver: (publication: Publication) => void) => void) | undefined;
  /** The same for events of presence. */
  onPresence: ((event: PresenceEvent, deliver: (event: PresenceEvent) => void) => void) | undefined;
  /** Waited for before a read is made; a throw fails it. */
  beforeRead: ((name: string, query: HistoryQuery) => Promise<void> | void) | undefined;
  /** Waited for while a page is on its way. */
  afterRead: ((name: string, page: HistoryPage) => Promise<void> | void) | undefined;
  /** Waited for before a publication is made. */
  beforePublish: ((publication: Publication) => Promise<void> | void) | undefined;
  beforeSubscribe: ((names: readonly string[]) => Promise<void> | void) | undefined;
  /** Epoch → which of the histories it is of: the first, or the one after that many losses. */
  readonly histories = new Map<string, number>();
  #losses = 0;
  /** Of the names whose history goes on under another epoch: the epochs, and the offsets they begin with. */
  readonly #generations = new Map<string, Generation[]>();
  #inner = new MemoryBroker();
  #sink: BrokerSink | undefined;
  readonly #names = new Set<string>();

  constructor() {
    this.history = { read: (name, query) => this.#read(name, query) };
    const presence = (): PresenceCapability => this.#inner.presence;
    this.presence = {
      enter: (name, member) => presence().enter(name, member),
      leave: (name, connectionId) => presence().leave(name, connectionId),
      members: (name, limit, cursor) => presence().members(name, limit, cursor),
      stats: (name) => presence().stats(name),
    };
  }

  /** As a server that was killed and comes back empty: what was kept is gone, and epochs are new. */
  async restartEmpty(): Promise<void> {
    const old = this.#inner;
    this.#inner = new MemoryBroker();
    this.#losses++;
    this.#generations.clear();
    await this.#inner.start(this.#faultySink());
    await this.#inner.subscribe([...this.#names]);
    await old.close();
  }

  /** As a server that cannot tell whether it has lost its last moments: the history goes on under another epoch. */
  async beginGeneration(name: string): Promise<void> {
    const { position } = await this.#inner.history.read(name, { limit: 0 });
    const generations = this.#generations.get(name) ?? [{ epoch: position.epoch, start: 1 }];
    generations.push({ epoch: `${position.epoch}~${generations.length}`, start: position.offset + 1 });
    this.#generations.set(name, generations);
  }

  /** Says that something may be missing. */
  gap(names: readonly string[]): void {
    this.#sink?.gap(names);
  }

  async start(sink: BrokerSink): Promise<void> {
    this.#sink = sink;
    await this.#inner.start(this.#faultySink());
  }

  async subscribe(names: readonly string[]): Promise<void> {
    await this.beforeSubscribe?.(names);
    for (const name of names) this.#names.add(name);
    await this.#inner.subscribe(names);
  }

  unsubscribe(names: readonly string[]): Promise<void> {
    for (const name of names) this.#names.delete(name);
    return this.#inner.unsubscribe(names);
  }

  async publish(publication: Publication, options?: PublishOptions): Promise<Position | undefined> {
    if (this.beforePublish !== undefined) await this.beforePublish(publication);
    const position = await this.#inner.publish(publication, options);
    return position === undefined ? undefined : this.#shown(publication.subscription, position);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #faultySink(): BrokerSink {
    return {
      deliver: (inner) => {
        const publication = this.#shownWith(inner);
        const deliver = (one: Publication): void => {
          // After `unsubscribe` a broker delivers nothing, however late.
          if (this.#names.has(one.subscription)) this.#sink?.deliver(one);
        };
        if (this.onDeliver === undefined) deliver(publication);
        else this.onDeliver(publication, deliver);
      },
      gap: (names) => this.#sink?.gap(names),
      presence: (event) => {
        const deliver = (one: PresenceEvent): void => this.#sink?.presence(one);
        if (this.onPresence === undefined) deliver(event);
        else this.onPresence(event, deliver);
      },
    };
  }

  async #read(name: string, query: HistoryQuery): Promise<HistoryPage> {
    this.reads++;
    this.readsUnderWay++;
    this.mostReadsUnderWay = Math.max(this.mostReadsUnderWay, this.readsUnderWay);
    try {
      await this.beforeRead?.(name, query);
      const page = await this.#readShown(name, query);
      await this.afterRead?.(name, page);
      return page;
    } finally {
      this.readsUnderWay--;
    }
  }

  async #readShown(name: string, { since, ...query }: HistoryQuery): Promise<HistoryPage> {
    const losses = this.#losses;
    const generations: readonly Generation[] = [...(this.#generations.get(name) ?? [])];
    const index = generations.findIndex(({ epoch }) => epoch === since?.epoch);
    const end = generations[index + 1]?.start ?? Number.POSITIVE_INFINITY;
    const isKnown = since !== undefined && index >= 0 && since.offset < end;
    const epoch = isKnown ? generations[0]?.epoch : since?.epoch;
    const page = await this.#inner.history.read(
      name,
      since === undefined || epoch === undefined ? query : { ...query, since: { epoch, offset: since.offset } },
    );
    const newest = generations.at(-1)?.epoch ?? page.position.epoch;
    if (!this.histories.has(newest)) this.histories.set(newest, losses);
    const position = { epoch: newest, offset: page.position.offset };
    if (index >= 0 && !isKnown) return { publications: [], position, lost: 'epoch' };
    // With the generations of when it was read: the history may have been lost meanwhile.
    const publications = page.publications.map((one) => this.#shownWith(one, generations, losses));
    return { ...page, position, publications };
  }

  #shownWith(publication: Publication, generations?: readonly Generation[], losses?: number): Publication {
    const { position, subscription } = publication;
    if (position === undefined) return publication;
    return { ...publication, position: this.#shown(subscription, position, generations, losses) };
  }

  #shown(
    name: string,
    { epoch, offset }: Position,
    generations: readonly Generation[] = this.#generations.get(name) ?? [],
    losses = this.#losses,
  ): Position {
    const generation = generations.findLast(({ start }) => start <= offset);
    const shown = generation?.epoch ?? epoch;
    if (!this.histories.has(shown)) this.histories.set(shown, losses);
    return { epoch: shown, offset };
  }
}

export function unavailable(): never {
  throw new BrokerUnavailableError('the broker is away, says the test');
}
