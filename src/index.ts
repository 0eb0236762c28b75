import { MemoryBroker } from './broker/memory/memory-broker.ts';
import type { Broker } from './broker/broker.ts';
import { identityOf } from './gateway/cluster/cluster-member.ts';
import { Gateway } from './gateway/gateway.ts';
import { defaultGatewayOptions, type GatewayOptions } from './gateway/gateway-options.ts';
import { silentLog, type Log } from './lib/log.ts';
import { Severities } from './lib/severities.ts';
import { Metrics } from './metrics/metrics.ts';

/** What a program that embeds Carillon may set; everything has a default. */
export interface CreateGatewayOptions extends Partial<GatewayOptions> {
  /** What carries publications to other processes. Default: this process alone. */
  readonly broker?: Broker;
  /** This node's name, unique in the cluster. Default: the machine's. */
  readonly node?: string;
  /** Where the gateway writes; pino fits. Default: nowhere. */
  readonly log?: Log;
  /** Switches for the log's debug loggers, to be thrown at run time. */
  readonly severities?: Severities;
  /** Where it counts; expose `metrics.registry` to Prometheus. Default: one of its own. */
  readonly metrics?: Metrics;
}

/**
 * Makes a gateway that is ready for handshakes.
 *
 * @example
 * const gateway = await createGateway();
 * httpServer.on('upgrade', (request, _socket, head) => {
 *   gateway.handshake(request, { onMessage: (connection, data, kind) => void gateway.send(connection, data, kind) }, { head });
 * });
 */
export async function createGateway(options: CreateGatewayOptions = {}): Promise<Gateway> {
  const { broker, node, log, severities, metrics, ...gatewayOptions } = options;
  return await Gateway.start({
    broker: broker ?? new MemoryBroker(),
    node: identityOf(node),
    log: log ?? silentLog,
    severities: severities ?? new Severities(),
    metrics: metrics ?? new Metrics(),
    options: { ...defaultGatewayOptions, ...gatewayOptions },
  });
}

export { Gateway } from './gateway/gateway.ts';
export { everyone } from './gateway/subscription-name.ts';
export type { GatewayParts } from './gateway/gateway.ts';
export type { MulticastOptions, NotRecoveredReason, Subscribed, SubscribeOptions } from './gateway/calls.ts';
export type { ResolvedRule, SlowConsumerPolicy, SubscriptionRule } from './gateway/subscription-rules.ts';
export type { Connection } from './gateway/connection.ts';
export type { DisconnectOptions } from './gateway/cluster/cluster-control.ts';
export type { DisconnectTarget } from './gateway/cluster/control-messages.ts';
export type { NodeFacts, NodeIdentity, NodeWorkerFacts } from './gateway/cluster/node-facts.ts';
export type { ReceivedMessage } from './gateway/receiving/inbox.ts';
export type { HandshakeEntry, HandshakeOptions } from './gateway/handshake-options.ts';
export { plainEncoding } from './gateway/encoding.ts';
export type { Encoding, Message } from './gateway/encoding.ts';
export { closeCodes } from './gateway/close-codes.ts';
export type { CloseCode, RetryAdvice } from './gateway/close-codes.ts';
export { ArgumentError, CapabilityError, SubscriptionNameError, UnknownNodeError } from './gateway/errors.ts';
export type {
  CompressionOptions,
  ConnectionLimits,
  FanOutOptions,
  GatewayOptions,
  HeartbeatOptions,
  RecoveryOptions,
} from './gateway/gateway-options.ts';
export { BrokerClosedError, BrokerUnavailableError } from './broker/broker.ts';
export type {
  Broker,
  BrokerSink,
  ControlCapability,
  ControlMessage,
  HistoryCapability,
  HistoryPage,
  HistoryQuery,
  HistoryRule,
  MessageKind,
  Position,
  PresenceCapability,
  PresenceEvent,
  PresenceMember,
  PresencePage,
  PresenceStats,
  ProbeCapability,
  Publication,
  PublishOptions,
} from './broker/broker.ts';
export { MemoryBroker } from './broker/memory/memory-broker.ts';
export { Metrics } from './metrics/metrics.ts';
export { Severities, severityNames } from './lib/severities.ts';
export type { SeverityName, SeverityState } from './lib/severities.ts';
export type { Log, LogFields } from './lib/log.ts';
export type { Identity } from './auth/identity.ts';
