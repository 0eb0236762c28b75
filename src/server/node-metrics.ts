import { Counter, Gauge, Registry } from 'prom-client';
import type { IpcSwitchStats } from '../broker/ipc/ipc-switch.ts';
import { seatStates, type WorkerSeat } from './worker-seat.ts';

/** What the primary knows of its workers and of the embedded broker, read when it is scraped. */
export function nodeMetrics(seats: readonly WorkerSeat[], brokerStats: () => IpcSwitchStats | undefined): Registry {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: 'carillon_worker_connections',
    help: 'Open WebSocket connections by worker.',
    labelNames: ['worker'],
    registers,
    collect() {
      for (const { number, connections } of seats) this.set({ worker: String(number) }, connections);
    },
  });
  new Gauge({
    name: 'carillon_workers',
    help: 'Workers by state.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const state of seatStates) this.set({ state }, seats.filter((seat) => seat.state === state).length);
    },
  });
  new Counter({
    name: 'carillon_worker_restarts_total',
    help: 'Workers that were started in place of one that had died.',
    registers,
    collect() {
      this.reset();
      this.inc(seats.reduce((sum, { restarts }) => sum + restarts, 0));
    },
  });
  if (brokerStats() !== undefined) describeBroker(registers, brokerStats);
  return registry;
}

function describeBroker(registers: Registry[], brokerStats: () => IpcSwitchStats | undefined): void {
  const gauges = [
    ['backlog_bytes', 'backlogBytes', 'Bytes in the embedded broker that wait for workers.'],
    ['history_names', 'historyNames', 'Subscriptions whose position in their history the embedded broker knows.'],
    ['history_publications', 'historyEntries', 'Publications in the histories of the embedded broker.'],
    ['history_bytes', 'historyBytes', 'Bytes that the histories of the embedded broker take, about.'],
    ['recent_ids', 'recentIds', 'Ids of publications that the embedded broker remembers, so that a retry is harmless.'],
  ] as const;
  for (const [name, field, help] of gauges) {
    new Gauge({
      name: `carillon_ipc_${name}`,
      help,
      registers,
      collect() {
        this.set(brokerStats()?.[field] ?? 0);
      },
    });
  }
  const counters = [
    ['publications', 'Publications that the embedded broker received from workers.'],
    ['forwarded', 'Publications and presence events that the embedded broker passed on, once per worker.'],
    ['missed', 'Publications and presence events that a worker did not get because it was behind.'],
    ['evicted', 'Publications that histories gave up before their time because all came to more than their cap.'],
  ] as const;
  for (const [field, help] of counters) {
    new Counter({
      name: `carillon_ipc_${field}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(brokerStats()?.[field] ?? 0);
      },
    });
  }
}
