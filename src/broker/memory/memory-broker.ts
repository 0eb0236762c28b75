import {
  BrokerClosedError,
  BrokerUnavailableError,
  type Broker,
  type BrokerSink,
  type HistoryCapability,
  type HistoryPage,
  type HistoryQuery,
  type Position,
  type PresenceCapability,
  type PresenceEvent,
  type PresenceMember,
  type PresencePage,
  type PresenceStats,
  type Publication,
  type PublishOptions,
} from '../broker.ts';
import { ControlSubscription } from '../control-subscription.ts';
import { ProbeSubscription } from '../probe-subscription.ts';
import { LocalSubscriptions } from './local-subscriptions.ts';
import { MemoryExchange, type ExchangePeer } from './memory-exchange.ts';

/** Serves one process. Brokers that share an exchange form a cluster of their own. */
export class MemoryBroker implements Broker {
  readonly history: HistoryCapability;
  readonly presence: PresenceCapability;
  readonly control: ControlSubscription = new ControlSubscription(this);
  readonly probe: ProbeSubscription = new ProbeSubscription(this);
  readonly #exchange: MemoryExchange;
  /** Whether nobody else can be at the exchange. */
  readonly #isAlone: boolean;
  readonly #subscriptions = new LocalSubscriptions();
  readonly #peer: ExchangePeer;
  #sink: BrokerSink | undefined;
  #isClosed = false;

  /** @param exchange absent: one of its own */
  constructor(exchange?: MemoryExchange) {
    this.#isAlone = exchange === undefined;
    this.#exchange = exchange ?? new MemoryExchange();
    this.#peer = {
      confirm: (names, ticket) => this.#subscriptions.confirm(names, ticket),
      receive: (publication) => this.#receive(publication),
      receivePresence: (event) => this.#receivePresence(event),
    };
    this.history = { read: (name, query) => this.#read(name, query) };
    this.presence = {
      enter: (name, member) => this.#enter(name, member),
      leave: (name, connectionId) => this.#leave(name, connectionId),
      members: (name, limit, cursor) => this.#members(name, limit, cursor),
      stats: (name) => this.#stats(name),
    };
  }

  async start(sink: BrokerSink): Promise<void> {
    if (this.#isClosed) throw new BrokerClosedError();
    this.#sink = sink;
  }

  async subscribe(names: readonly string[]): Promise<void> {
    this.#check();
    const kept = [...names];
    this.#exchange.subscribe(kept, this.#peer, this.#subscriptions.request(kept));
  }

  async unsubscribe(names: readonly string[]): Promise<void> {
    this.#check();
    this.#subscriptions.drop(names);
    this.#exchange.unsubscribe([...names], this.#peer);
  }

  async publish(publication: Publication, options?: PublishOptions): Promise<Position | undefined> {
    this.#check();
    if (options?.history !== undefined || options?.id !== undefined) {
      return this.#exchange.accept(publication, options);
    }
    this.#exchange.publish(publication);
    return undefined;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#subscriptions.clear();
    this.#exchange.remove(this.#peer);
    if (this.#isAlone) this.#exchange.close();
    this.probe.close();
  }

  #check(): void {
    if (this.#isClosed) throw new BrokerClosedError();
    if (this.#sink === undefined) throw new BrokerUnavailableError('the broker has not been started');
  }

  #receive(publication: Publication): void {
    if (!this.#subscriptions.has(publication.subscription)) return;
    if (this.probe.takes(publication) || this.control.takes(publication)) return;
    this.#sink?.deliver(publication);
  }

  #receivePresence(event: PresenceEvent): void {
    if (this.#subscriptions.has(event.subscription)) this.#sink?.presence(event);
  }

  async #enter(name: string, member: PresenceMember): Promise<void> {
    this.#check();
    this.#exchange.enter(name, member, this.#peer);
  }

  async #leave(name: string, connectionId: string): Promise<void> {
    this.#check();
    this.#exchange.leave(name, connectionId);
  }

  async #members(name: string, limit: number, cursor = ''): Promise<PresencePage> {
    this.#check();
    return this.#exchange.members(name, limit, cursor);
  }

  async #stats(name: string): Promise<PresenceStats> {
    this.#check();
    return this.#exchange.stats(name);
  }

  async #read(name: string, query: HistoryQuery): Promise<HistoryPage> {
    this.#check();
    return this.#exchange.read(name, query);
  }
}
