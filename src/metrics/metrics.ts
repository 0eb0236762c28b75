import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Registry, type MetricObjectWithValues, type MetricValue } from 'prom-client';
import { Counts } from './counts.ts';

/** A worker's metrics as they travel to the primary. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

const delayQuantiles = [0.5, 0.99, 1] as const;

/** The delay is sampled by a timer of this many milliseconds, which its readings include. */
const delayResolutionMs = 100;

/** Every metric of a worker, in one list. Names follow Prometheus' conventions: base units, `_total` for counters. */
export class Metrics {
  readonly registry: Registry = new Registry();
  readonly counts: Counts = new Counts();
  readonly #eventLoopDelay = monitorEventLoopDelay({ resolution: delayResolutionMs });
  #outboxBytes: () => number = () => 0;

  constructor() {
    const { counts } = this;
    this.#gauge('carillon_connections', 'Open WebSocket connections.', () => counts.connections);
    this.#gauge(
      'carillon_subscriptions',
      'Subscriptions with at least one local subscriber.',
      () => counts.subscriptions,
    );
    this.#gauge(
      'carillon_subscribers',
      'Local connections in subscriptions, once per subscription.',
      () => counts.subscribers,
    );
    this.#gauge(
      'carillon_connections_held',
      'Connections that are not read at the moment because they sent more than apps or the broker can follow.',
      () => counts.connectionsHeld,
    );
    this.#gauge(
      'carillon_multicasts_unsettled',
      'Multicasts that the broker has neither accepted nor rejected yet.',
      () => counts.multicastsUnsettled,
    );
    this.#gauge('carillon_outbox_bytes', 'Bytes waiting for clients that the kernel has not taken yet.', () =>
      this.#outboxBytes(),
    );
    this.#labelled('carillon_handshakes_total', 'WebSocket handshakes by result.', 'result', () => [
      ['accepted', counts.handshakesAccepted],
      ['refused', counts.handshakesRefused],
    ]);
    this.#labelled('carillon_multicasts_total', 'Multicasts given to the broker by result.', 'result', () => [
      ['accepted', counts.multicastsAccepted],
      ['rejected', counts.multicastsRejected],
    ]);
    this.#labelled(
      'carillon_closes_total',
      'Closed connections by close code; codes of 3000 and above by their thousand.',
      'code',
      () => counts.closes,
    );
    this.#counter('carillon_messages_received_total', 'Messages received from clients.', () => counts.messagesReceived);
    this.#counter(
      'carillon_received_bytes_total',
      'Bytes of the messages received from clients.',
      () => counts.bytesReceived,
    );
    this.#counter('carillon_messages_sent_total', 'Messages sent to clients.', () => counts.messagesSent);
    this.#counter(
      'carillon_sent_bytes_total',
      'Bytes sent to clients, frame headers included.',
      () => counts.bytesSent,
    );
    this.#counter('carillon_deliveries_total', 'Publications delivered, once per subscriber.', () => counts.deliveries);
    this.#counter(
      'carillon_slow_consumers_total',
      'Connections closed because their outbox was over its cap.',
      () => counts.slowConsumers,
    );
    this.#counter(
      'carillon_heartbeats_missed_total',
      'Connections ended because they showed no sign of life.',
      () => counts.heartbeatsMissed,
    );
    this.#labelledBy(
      'carillon_gaps_total',
      "Subscriptions, and slow subscribers of one, told that publications may have been missed, by the rule's pattern and the reason.",
      ['rule', 'reason'],
      () => byTwo(counts.gaps),
    );
    this.#labelled(
      'carillon_publications_missed_total',
      "Publications that a worker's subscribers of a subscription with history were not given and that no history gave back, where their number is known, by the rule's pattern.",
      'rule',
      () => counts.missed,
    );
    this.#labelled(
      'carillon_recovered_publications_total',
      "Publications that a worker missed live and delivered from history, by the rule's pattern.",
      'rule',
      () => counts.recovered,
    );
    this.#labelled(
      'carillon_recoveries_total',
      'Clients that came back to a subscription with a position, by result.',
      'result',
      () => counts.recoveries,
    );
    this.#labelled(
      'carillon_resyncs_total',
      "Slow subscribers that were not closed but given what they missed later, by the rule's pattern.",
      'rule',
      () => counts.resyncs,
    );
    this.#labelledBy(
      'carillon_dropped_total',
      "Publications that slow consumers were not given, once per subscriber, by the rule's pattern and the policy; one that had been queued was counted as delivered and sent before.",
      ['rule', 'policy'],
      () => byTwo(counts.dropped),
    );
    this.#counter(
      'carillon_duplicates_dropped_total',
      'Publications of subscriptions with history that were received again, or too late, and not delivered.',
      () => counts.duplicatesDropped,
    );
    this.#counter(
      'carillon_app_errors_total',
      "Failures of apps' code: handlers that threw, whose connections were closed, and encodings that did.",
      () => counts.appErrors,
    );
    this.#collectEventLoopDelay();
  }

  /** Sets where the bytes waiting for clients are read from. */
  watchOutboxes(outboxBytes: () => number): void {
    this.#outboxBytes = outboxBytes;
  }

  async snapshot(): Promise<MetricsSnapshot> {
    return await this.registry.getMetricsAsJSON();
  }

  close(): void {
    this.#eventLoopDelay.disable();
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  #counter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  #labelled(name: string, help: string, label: string, read: () => Iterable<readonly [string | number, number]>): void {
    this.#labelledBy(name, help, [label], function* () {
      for (const [value, count] of read()) yield [[value], count];
    });
  }

  #labelledBy(
    name: string,
    help: string,
    labelNames: readonly string[],
    read: () => Iterable<readonly [readonly (string | number)[], number]>,
  ): void {
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [values, count] of read())
          this.inc(Object.fromEntries(labelNames.map((label, index) => [label, values[index] ?? ''])), count);
      },
    });
  }

  /** Delay since the last collection, over the workers the largest. */
  #collectEventLoopDelay(): void {
    const histogram = this.#eventLoopDelay;
    let enabled = false;
    new Gauge({
      name: 'carillon_event_loop_delay_seconds',
      help: 'How late the event loop ran since the last collection, by quantile; over workers the largest.',
      labelNames: ['quantile'],
      aggregator: 'max',
      registers: [this.registry],
      collect() {
        // Not before somebody looks: measuring costs a timer, which would keep an embedding program's metrics alive.
        if (!enabled) enabled = histogram.enable();
        for (const quantile of delayQuantiles) {
          const readingMs = histogram.count === 0 ? 0 : histogram.percentile(quantile * 100) / 1e6;
          this.set({ quantile }, Math.max(0, readingMs - delayResolutionMs) / 1000);
        }
        histogram.reset();
      },
    });
  }
}

function* byTwo(
  counts: ReadonlyMap<string, ReadonlyMap<string, number>>,
): Iterable<readonly [readonly string[], number]> {
  for (const [rule, inner] of counts) for (const [value, count] of inner) yield [[rule, value], count];
}
