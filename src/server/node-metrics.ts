import type { IpcSwitchStats } from '../broker/ipc/ipc-switch.ts';
import type { Config } from '../config/config.ts';
import { packageVersion } from '../lib/package-version.ts';
import { counter, counters, gauge, gauges, type Metric } from '../metrics/metric.ts';
import { cpuSeconds, memoryUsage } from '../metrics/process-usage.ts';
import { readMetrics, type MetricsSnapshot } from '../metrics/snapshot.ts';
import type { NodeCounts } from './node-counts.ts';
import { seatStates, type SeatState } from './worker-seat.ts';

/** What the metrics of the node itself are read from. */
export interface NodeSource {
  readonly seats: readonly {
    readonly number: number;
    readonly state: SeatState;
    readonly connections: number;
    readonly restarts: number;
  }[];
  readonly readiness: { readonly ready: boolean };
  readonly counts: NodeCounts;
  readonly config: Pick<Config, 'accept' | 'workers'>;
}

/** Every metric of the primary. */
export const nodeMetrics: readonly Metric<NodeSource>[] = [
  gauge('carillon_ready', 'Whether /ready answers that the node takes connections: 1, else 0.', ({ readiness }) =>
    readiness.ready ? 1 : 0,
  ),
  gauge(
    'carillon_draining',
    'Whether the node is leaving and hands its connections over to others: 1, else 0.',
    ({ counts }) => (counts.isDraining ? 1 : 0),
  ),
  counter('carillon_drains_total', 'Drains that were begun.', ({ counts }) => counts.drains),
  counters(
    'carillon_reloads_total',
    'Reloads, by result: done, refused for an invalid configuration, or failed: a successor could not take over, and workers that were not replaced stay as they are.',
    { labels: ['result'], read: ({ counts }) => Object.entries(counts.reloads) },
  ),
  gauges('carillon_worker_connections', 'Open WebSocket connections, by worker.', {
    labels: ['worker'],
    read: ({ seats }) => seats.map(({ number, connections }) => [String(number), connections]),
  }),
  gauge(
    'carillon_connections_limit',
    'Most connections that the node accepts: accept.connections times its workers; absent where there is no such limit.',
    ({ config: { accept, workers } }) =>
      accept.connections > 0 ? accept.connections * Math.max(1, workers) : undefined,
  ),
  gauges('carillon_workers', 'Workers, by state.', {
    labels: ['state'],
    read: ({ seats }) => seatStates.map((state) => [state, seats.filter((seat) => seat.state === state).length]),
  }),
  counter('carillon_worker_restarts_total', 'Workers that were started in place of one that had died.', ({ seats }) =>
    seats.reduce((sum, { restarts }) => sum + restarts, 0),
  ),
  gauges(
    'carillon_primary_memory_bytes',
    'Memory of the primary process: resident in all, heap in use by JavaScript, external to that heap.',
    { labels: ['kind'], read: memoryUsage },
  ),
  counters('carillon_primary_cpu_seconds_total', 'CPU time of the primary process, by mode.', {
    labels: ['mode'],
    read: cpuSeconds,
  }),
  gauges('carillon_build_info', 'Which versions of Carillon and Node run; always 1.', {
    labels: ['version', 'node_version'],
    read: () => [[[packageVersion(), process.versions.node], 1]],
  }),
];

/** Every metric of the embedded broker in the primary. */
export const ipcMetrics: readonly Metric<IpcSwitchStats>[] = [
  gauge(
    'carillon_ipc_backlog_bytes',
    'Bytes in the embedded broker that wait for workers.',
    (stats) => stats.backlogBytes,
  ),
  gauge(
    'carillon_ipc_history_names',
    'Subscriptions whose position in their history the embedded broker knows.',
    (stats) => stats.historyNames,
  ),
  gauge(
    'carillon_ipc_history_publications',
    'Publications in the histories of the embedded broker.',
    (stats) => stats.historyEntries,
  ),
  gauge(
    'carillon_ipc_history_bytes',
    'Bytes that the histories of the embedded broker take, about.',
    (stats) => stats.historyBytes,
  ),
  gauge(
    'carillon_ipc_recent_ids',
    'Ids of publications that the embedded broker remembers, so that a retry is harmless.',
    (stats) => stats.recentIds,
  ),
  counter(
    'carillon_ipc_publications_total',
    'Publications that the embedded broker received from workers.',
    (stats) => stats.publications,
  ),
  counter(
    'carillon_ipc_forwarded_total',
    'Publications and presence events that the embedded broker passed on, once per worker.',
    (stats) => stats.forwarded,
  ),
  counter(
    'carillon_ipc_missed_total',
    'Publications and presence events that a worker did not get because it was behind.',
    (stats) => stats.missed,
  ),
  counter(
    'carillon_ipc_evicted_total',
    'Publications that histories gave up before their time because all came to more than their cap.',
    (stats) => stats.evicted,
  ),
];

/** The node's own metrics as they are now. @param brokerStats undefined: it has no embedded broker */
export function readNode(source: NodeSource, brokerStats: IpcSwitchStats | undefined): MetricsSnapshot {
  return [
    ...readMetrics(nodeMetrics, source),
    ...(brokerStats === undefined ? [] : readMetrics(ipcMetrics, brokerStats)),
  ];
}
