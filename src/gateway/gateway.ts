import type { IncomingMessage } from 'node:http';
import type {
  Broker,
  HistoryPage,
  HistoryQuery,
  MessageKind,
  Position,
  PresencePage,
  PresenceStats,
  Publication,
} from '../broker/broker.ts';
import type { Log } from '../lib/log.ts';
import type { Severities, SeverityState } from '../lib/severities.ts';
import type { Counts } from '../metrics/counts.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { AppCalls } from './receiving/app-calls.ts';
import type { MulticastOptions, Subscribed, SubscribeOptions } from './calls.ts';
import { checkCompression, checkHistoryQuery } from './check-arguments.ts';
import type { DisconnectOptions } from './cluster/cluster-control.ts';
import { checkUserCap } from './cluster/user-cap.ts';
import { ClusterMember, identityOf } from './cluster/cluster-member.ts';
import { ConnectionTable } from './connection-table.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import type { Connection } from './connection.ts';
import { Continuity } from './recovery/continuity.ts';
import type { DisconnectTarget } from './cluster/control-messages.ts';
import { Delivery } from './sending/delivery.ts';
import { findSocketWrites } from './direct-sockets.ts';
import { Dispatcher } from './receiving/dispatcher.ts';
import { CapabilityError } from './errors.ts';
import { kindOf } from './encoding.ts';
import { Frame } from './sending/frame.ts';
import { defaultRecovery, type CompressionOptions, type GatewayOptions } from './gateway-options.ts';
import { FlushScheduler } from './sending/flush-scheduler.ts';
import type { HandshakeEntry, HandshakeOptions } from './handshake-options.ts';
import { Hub } from './hub.ts';
import type { NodeFacts, NodeIdentity } from './cluster/node-facts.ts';
import { Presence } from './presence.ts';
import { Publisher } from './publisher.ts';
import { SlowSubscribers } from './sending/slow-subscribers.ts';
import { checkName, everyone } from './subscription-name.ts';
import { type ResolvedRule, type SubscriptionRule, SubscriptionRules } from './subscription-rules.ts';
import { checkHistory, checkRules, Subscriptions } from './subscriptions.ts';
import { Trace } from './trace.ts';

export interface GatewayParts {
  readonly broker: Broker;
  readonly options: GatewayOptions;
  readonly log: Log;
  readonly severities: Severities;
  readonly metrics: Metrics;
  /** What the apps bring for their own subscriptions; `options.subscriptions` goes before. Default: none. */
  readonly builtInRules?: readonly SubscriptionRule[];
  /** Who this worker is in the cluster. Default: a node of its own, with the machine's name. */
  readonly node?: NodeIdentity;
}

/**
 * The facade an app, or a program that embeds Carillon, works with: the API of NaviServer's websocket module, grown
 * up. One per worker. It holds the connections of this worker and shares subscriptions with all through its broker.
 */
export class Gateway {
  readonly #broker: Broker;
  readonly #compression: CompressionOptions;
  readonly #trace: Trace;
  readonly #counts: Counts;
  readonly #hub: Hub;
  readonly #rules: SubscriptionRules;
  readonly #dispatcher: Dispatcher;
  readonly #publisher: Publisher;
  readonly #delivery: Delivery;
  readonly #connections: ConnectionTable;
  readonly #slow: SlowSubscribers;
  readonly #continuity: Continuity;
  readonly #presence: Presence;
  readonly #subscriptions: Subscriptions;
  readonly #member: ClusterMember;
  #closing: Promise<void> | undefined;

  private constructor(parts: GatewayParts) {
    const { broker, options, log, severities, metrics, builtInRules = [], node: identity = identityOf() } = parts;
    const { counts } = metrics;
    const scheduler = new FlushScheduler(options.fanOut?.gatherMs);
    const { history } = broker;
    const limits = options.recovery ?? defaultRecovery;
    const trace = new Trace(log, severities);
    // What apps would like to have is not asked of a broker that cannot; what the user has configured was checked.
    const rules = new SubscriptionRules(
      options.subscriptions,
      history === undefined ? builtInRules.map((rule) => ({ ...rule, history: false })) : builtInRules,
    );
    this.#broker = broker;
    this.#compression = options.compression;
    this.#trace = trace;
    this.#counts = counts;
    this.#rules = rules;
    const hub = (this.#hub = new Hub((name) => counts.ofRule(rules.label(name))));
    const apps = new AppCalls(log, counts);
    this.#dispatcher = new Dispatcher(apps, counts, scheduler);
    this.#publisher = new Publisher({ broker, rules, dispatcher: this.#dispatcher, counts, trace });
    const owner = this.#owner(scheduler, apps);
    this.#connections = new ConnectionTable({ options, owner, apps, dispatcher: this.#dispatcher, counts, trace });
    const connections = this.#connections.byId;
    const { compression, accept } = options;
    const delivery = new Delivery({ hub, connections, scheduler, compression, counts, rules, log });
    const slow = new SlowSubscribers({ hub, delivery, rules, counts, track: (name) => this.#continuity.track(name) });
    const continuity = new Continuity({ history, delivery, slow, rules, limits, counts });
    const presence = new Presence(broker.presence, rules, trace);
    this.#delivery = delivery;
    this.#slow = slow;
    this.#continuity = continuity;
    this.#presence = presence;
    const joined = { hub, broker, rules, continuity, slow, presence, delivery, limits, counts, trace };
    this.#subscriptions = new Subscriptions(joined);
    const userCap = accept?.perUser;
    this.#member = new ClusterMember({ broker, identity, connections, userCap, severities, counts, log });
    metrics.watchOutboxes(() => this.#connections.bufferedBytes);
  }

  /**
   * Starts the broker and resolves when connections can be taken. When it rejects the broker has been closed.
   * @throws CapabilityError when a configured rule keeps history, or `accept.perUser` is set, and the broker cannot
   * @throws ArgumentError for a compression that cannot be
   */
  static async start(parts: GatewayParts): Promise<Gateway> {
    checkRules(parts.options.subscriptions, parts.broker);
    checkCompression(parts.options.compression);
    checkUserCap(parts.options.accept?.perUser, parts.broker);
    const gateway = new Gateway(parts);
    const continuity = gateway.#continuity;
    try {
      await parts.broker.start({
        deliver: (publication) => {
          gateway.#trace.message('deliver', publication.subscription, publication.data.length);
          continuity.deliver(publication);
        },
        gap: (names) => continuity.gap(names),
        presence: (event) => continuity.presence(event),
      });
      await parts.broker.subscribe([everyone]);
      await gateway.#member.start();
    } catch (error) {
      // Timers and connections would keep the program alive; why it did not start is what it wants to know.
      await gateway.close().catch(() => {});
      throw error;
    }
    return gateway;
  }

  /** The connections of this worker by id. */
  get connections(): ReadonlyMap<string, Connection> {
    return this.#connections.byId;
  }

  /**
   * Answers a WebSocket opening handshake (RFC 6455 §4.2) on `request.socket`, at once.
   * @param request as Node's `upgrade` event gives it
   * @returns the connection, or undefined when the request was refused; the client has been told why with an HTTP status
   * @throws ArgumentError for a request whose handshake has been answered already
   */
  handshake(
    request: IncomingMessage,
    options: HandshakeOptions = {},
    entry: HandshakeEntry = {},
  ): Connection | undefined {
    const connection = this.#connections.open(request, options, entry);
    if (connection === undefined) return undefined;
    this.#hub.add(everyone, connection);
    this.#member.opened(connection);
    return connection;
  }

  /**
   * Sends to one connection of this worker.
   * @param kind default: text for a string, binary for bytes; bytes sent as text must be UTF-8
   * @returns false when the connection is gone
   */
  send(connection: Connection, data: string | Buffer, kind: MessageKind = kindOf(data)): boolean {
    const sent = connection.enqueue(new Frame({ data, kind }, this.#compression), this.#counts);
    if (sent) this.#trace.message('send', connection.id, data.length);
    return sent;
  }

  /**
   * Sends publications of the past to one connection of this worker, as its encoding shows them: those that `subscribe`
   * answered, as a rule. Each is encoded once, however many connections are sent it.
   * @param mostBytes of what is sent; no limit but the outbox by default
   * @returns false when it would be more: nothing was sent then
   */
  replay(connection: Connection, publications: readonly Publication[], mostBytes: number = Infinity): boolean {
    return this.#delivery.replayTo(connection, publications, mostBytes);
  }

  /**
   * Puts the connection in a subscription; it is delivered everything that is multicast after this has resolved.
   * Where the subscription has history the answer says from which position on; with `since` it has what came between,
   * without a gap or a duplicate, or says why not. A second call is harmless. Closing the connection leaves all its
   * subscriptions.
   * @returns undefined when the connection is gone, or was unsubscribed while this waited
   * @throws SubscriptionNameError for an empty or reserved name and for `all`, which everybody is in
   * @throws ArgumentError for a `since` that is no position
   * @throws BrokerUnavailableError when the broker did not confirm or could not be read from; the connection is not
   * subscribed then, unless it was before
   * @throws CapabilityError when presence is asked for and the broker has none
   */
  subscribe(connection: Connection, name: string, options: SubscribeOptions = {}): Promise<Subscribed | undefined> {
    return this.#subscriptions.subscribe(connection, name, options);
  }

  /** Takes the connection out of a subscription; harmless when it is not in it. The connection stays open. */
  unsubscribe(connection: Connection, name: string): void {
    this.#subscriptions.unsubscribe(connection, name);
  }

  /**
   * Gives one message to all subscribers of a subscription, on all workers and nodes. The sender gets it too, if it is
   * subscribed and not excluded.
   * @param name a subscription, or `all` for every connection of the cluster
   * @returns once the broker has accepted it, its position where the subscription has history
   * @throws SubscriptionNameError for an empty or reserved name
   * @throws ArgumentError for an `id` that is empty or too long
   * @throws BrokerUnavailableError when it was not accepted, or, as its `outcome` says, perhaps not
   */
  multicast(name: string, data: string | Buffer, options: MulticastOptions = {}): Promise<Position | undefined> {
    return this.#publisher.multicast(name, data, options);
  }

  /**
   * What was multicast to a subscription with history.
   * @throws SubscriptionNameError; ArgumentError, which names the field
   * @throws CapabilityError where its rule keeps none
   * @throws BrokerUnavailableError
   */
  async history(name: string, query: HistoryQuery): Promise<HistoryPage> {
    checkName(name);
    checkHistoryQuery(query);
    checkHistory(this.#rules, name);
    if (this.#broker.history === undefined) throw new CapabilityError('history');
    return await this.#broker.history.read(name, query);
  }

  /**
   * Who is present in a subscription, cluster-wide. Nobody where its rule switches presence off.
   * @param limit most members a page
   * @param cursor from the previous page
   * @throws SubscriptionNameError
   * @throws CapabilityError when the broker has no presence
   */
  async presence(name: string, limit: number, cursor?: string): Promise<PresencePage> {
    checkName(name);
    return await this.#presence.members(name, limit, cursor);
  }

  /** How many are present in it: connections, and users among them. @throws as `presence` */
  async presenceStats(name: string): Promise<PresenceStats> {
    checkName(name);
    return await this.#presence.stats(name);
  }

  /**
   * Changes what presence says of a connection that subscribed with `presence`.
   * @returns false when it is not present there (any more)
   */
  updatePresence(connection: Connection, name: string, info: string): Promise<boolean> {
    return this.#presence.update(connection, name, info);
  }

  /** Which rule the subscription has, and whose it is. */
  ruleOf(name: string): ResolvedRule {
    return this.#rules.ruleOf(name);
  }

  /**
   * The nodes of the cluster, as their workers last described themselves; none is asked, so none can keep it waiting.
   * @throws CapabilityError when the broker has no presence; BrokerUnavailableError
   */
  nodes(): Promise<readonly NodeFacts[]> {
    return this.#member.nodes();
  }

  /**
   * Closes a connection, or all of a user, wherever in the cluster they are; those of this worker at once. Harmless
   * where there is none.
   * @returns once the broker has accepted the order
   * @throws ArgumentError for a code that may not be sent; CapabilityError; BrokerUnavailableError
   */
  disconnect(target: DisconnectTarget, options: DisconnectOptions = {}): Promise<void> {
    return this.#member.disconnect(target, options);
  }

  /**
   * Switches severities on every worker of the cluster, or of one node; `nodes` shows when it is done.
   * @returns once the broker has accepted the order
   * @throws ArgumentError for a severity that does not exist; UnknownNodeError; CapabilityError; BrokerUnavailableError
   */
  setSeverities(change: Partial<SeverityState>, node?: string): Promise<void> {
    return this.#member.setSeverities(change, node);
  }

  /**
   * Closes every connection with 1012 and the time after which to come back, in random order and evenly paced over the
   * period; who comes meanwhile at its end. Resolves when all have been told; to be called before `close`. Once it has
   * resolved, another call closes who has come since.
   */
  async drain(periodMs: number): Promise<void> {
    this.#member.drains();
    await this.#connections.drain(periodMs);
  }

  /**
   * Closes every connection with 1001 and waits for their farewells and for what is still being handled, within
   * `closeTimeoutMs`; then closes the broker.
   */
  close(): Promise<void> {
    this.#closing ??= this.#connections.close().then(() => {
      this.#member.close();
      return this.#broker.close();
    });
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #owner(scheduler: FlushScheduler, apps: AppCalls): ConnectionOwner {
    return {
      sending: { scheduler, writes: findSocketWrites(), behind: new Set() },
      dispatcher: this.#dispatcher,
      received: (connection, data, kind) => this.#received(connection, data, kind),
      drained: (connection) => apps.drained(connection),
      exceeded: (limit) => this.#counts.countLimit(limit),
      left: (connection) => {
        this.#subscriptions.leaveAll(connection);
        this.#member.left(connection);
      },
      closed: (connection, code, reason) => this.#connections.remove(connection, code, reason),
      overflowed: (connection, entry) => this.#slow.overflowed(connection, entry),
      keepLatest: (connection, entry) => this.#slow.keepLatest(connection, entry),
    };
  }

  #received(connection: Connection, data: Buffer, kind: MessageKind): void {
    this.#counts.messagesReceived++;
    this.#counts.bytesReceived += data.length;
    this.#trace.message('receive', connection.id, data.length);
    if (connection.handlers.readEvents !== false) this.#dispatcher.message(connection, data, kind);
  }
}
