import type { Counts } from './counts.ts';
import { counter, counters, gauge, gauges, histograms, summary, type Metric } from './metric.ts';
import { cpuSeconds, memoryUsage } from './process-usage.ts';

/** What a worker's metrics are read from. */
export interface WorkerSource {
  readonly counts: Counts;
  readonly outboxBytes: () => number;
  /** undefined: handshakes are not limited. */
  readonly acceptTokens: () => number | undefined;
  /** Quantile → seconds. */
  readonly eventLoopDelay: () => Iterable<readonly [string, number]>;
}

/** Every metric of a worker. */
export const workerMetrics: readonly Metric<WorkerSource>[] = [
  gauge('carillon_connections', 'Open WebSocket connections.', ({ counts }) => counts.connections),
  gauge(
    'carillon_subscriptions',
    'Subscriptions with at least one local subscriber, once per worker.',
    ({ counts }) => counts.subscriptions,
  ),
  gauge(
    'carillon_subscribers',
    'Local connections in subscriptions, once per subscription.',
    ({ counts }) => counts.subscribers,
  ),
  gauge(
    'carillon_connections_held',
    'Connections that are not read at the moment because they sent more than apps or the broker can follow.',
    ({ counts }) => counts.connectionsHeld,
  ),
  gauge(
    'carillon_multicasts_unsettled',
    'Multicasts that the broker has neither accepted nor rejected yet.',
    ({ counts }) => counts.multicastsUnsettled,
  ),
  gauge('carillon_outbox_bytes', 'Bytes waiting for clients that the kernel has not taken yet.', ({ outboxBytes }) =>
    outboxBytes(),
  ),
  gauge(
    'carillon_accept_tokens',
    'Handshakes that are accepted at once before accept.rate slows them down; absent where it is 0.',
    ({ acceptTokens }) => acceptTokens(),
  ),
  counters('carillon_handshakes_total', 'WebSocket handshakes, by result.', {
    labels: ['result'],
    read: ({ counts }) => [
      ['accepted', counts.handshakesAccepted],
      ['refused', counts.handshakesRefused],
    ],
  }),
  counters('carillon_handshakes_refused_total', 'WebSocket handshakes that were refused, by reason.', {
    labels: ['reason'],
    read: ({ counts }) => counts.handshakesRefusedBy,
  }),
  counters(
    'carillon_closes_total',
    "Closed connections, by close code; Carillon's own codes by themselves, all others of 3000 and above by their thousand.",
    { labels: ['code'], read: ({ counts }) => counts.closes },
  ),
  counters('carillon_limits_exceeded_total', 'Clients that were stopped, refused or closed by a limit, by limit.', {
    labels: ['limit'],
    read: ({ counts }) => counts.limitsExceeded,
  }),
  counter(
    'carillon_slow_consumers_total',
    'Connections closed because their outbox was over its cap.',
    ({ counts }) => counts.slowConsumers,
  ),
  counter(
    'carillon_heartbeats_missed_total',
    'Connections ended because they showed no sign of life.',
    ({ counts }) => counts.heartbeatsMissed,
  ),
  counter(
    'carillon_drained_connections_total',
    'Connections closed because their worker was leaving, in a drain or a reload.',
    ({ counts }) => counts.drainedConnections,
  ),
  counter(
    'carillon_messages_received_total',
    'Messages received from clients.',
    ({ counts }) => counts.messagesReceived,
  ),
  counter(
    'carillon_received_bytes_total',
    'Bytes of the messages received from clients.',
    ({ counts }) => counts.bytesReceived,
  ),
  counter(
    'carillon_messages_sent_total',
    'Messages sent to clients: deliveries, and what apps send to one connection.',
    ({ counts }) => counts.messagesSent,
  ),
  counter(
    'carillon_sent_bytes_total',
    'Bytes of the messages sent to clients, frame headers included.',
    ({ counts }) => counts.bytesSent,
  ),
  counters('carillon_multicasts_total', 'Multicasts given to the broker, by result.', {
    labels: ['result'],
    read: ({ counts }) => [
      ['accepted', counts.multicastsAccepted],
      ['rejected', counts.multicastsRejected],
    ],
  }),
  counters(
    'carillon_publications_received_total',
    "Publications that came to a worker with subscribers for them, once per worker, by the rule's pattern.",
    {
      labels: ['rule'],
      read: function* ({ counts }) {
        for (const [rule, { received }] of counts.rules) yield [rule, received] as const;
      },
    },
  ),
  counters(
    'carillon_deliveries_total',
    "Publications handed to subscribers, once per subscriber, by the rule's pattern.",
    {
      labels: ['rule'],
      read: function* ({ counts }) {
        for (const [rule, { deliveries }] of counts.rules) yield [rule, deliveries] as const;
      },
    },
  ),
  histograms(
    'carillon_delivery_lag_seconds',
    "Time from the publishing of a publication to its being handed to the sockets of a worker's subscribers, once per publication and worker, by the rule's pattern.",
    {
      labels: ['rule'],
      read: function* ({ counts }) {
        for (const [rule, { lag }] of counts.rules) yield [rule, lag] as const;
      },
    },
  ),
  counters(
    'carillon_gaps_total',
    "Subscriptions, and slow subscribers of one, told that publications may have been missed, by the rule's pattern and the reason.",
    { labels: ['rule', 'reason'], read: ({ counts }) => byTwo(counts.gaps) },
  ),
  counters(
    'carillon_publications_missed_total',
    "Publications that a worker's subscribers of a subscription with history were not given and that no history gave back, where their number is known, by the rule's pattern.",
    { labels: ['rule'], read: ({ counts }) => counts.missed },
  ),
  counters(
    'carillon_recovered_publications_total',
    "Publications that a worker missed live and delivered from history, by the rule's pattern.",
    { labels: ['rule'], read: ({ counts }) => counts.recovered },
  ),
  counters('carillon_recoveries_total', 'Clients that came back to a subscription with a position, by result.', {
    labels: ['result'],
    read: ({ counts }) => counts.recoveries,
  }),
  counters(
    'carillon_resyncs_total',
    "Slow subscribers that were not closed but given what they missed later, by the rule's pattern.",
    { labels: ['rule'], read: ({ counts }) => counts.resyncs },
  ),
  counters(
    'carillon_dropped_total',
    "Publications that slow consumers were not given, once per subscriber, by the rule's pattern and the policy; one that had been queued was counted as delivered and sent before.",
    { labels: ['rule', 'policy'], read: ({ counts }) => byTwo(counts.dropped) },
  ),
  counter(
    'carillon_duplicates_dropped_total',
    'Publications of subscriptions with history that were received again, or too late, and not delivered.',
    ({ counts }) => counts.duplicatesDropped,
  ),
  counter(
    'carillon_app_errors_total',
    "Failures of apps' code: handlers that threw, whose connections were closed, and encodings that did.",
    ({ counts }) => counts.appErrors,
  ),
  summary(
    'carillon_event_loop_delay_seconds',
    'How late the event loop ran, by quantile: the worst second of the last 15; over workers the largest.',
    'max',
    ({ eventLoopDelay }) => eventLoopDelay(),
  ),
  gauges(
    'carillon_memory_bytes',
    'Memory of the workers: resident in all, heap in use by JavaScript, external to that heap (buffers, mostly).',
    { labels: ['kind'], read: memoryUsage },
  ),
  counters(
    'carillon_cpu_seconds_total',
    "CPU time of the workers, by mode: user for the program's own, system for the kernel's on its behalf.",
    { labels: ['mode'], read: cpuSeconds },
  ),
];

function* byTwo(
  counts: ReadonlyMap<string, ReadonlyMap<string, number>>,
): Iterable<readonly [readonly string[], number]> {
  for (const [outer, inner] of counts) for (const [value, count] of inner) yield [[outer, value], count];
}
