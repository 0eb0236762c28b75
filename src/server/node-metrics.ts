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
  new Gauge({
    name: 'carillon_ipc_backlog_bytes',
    help: 'Bytes in the embedded broker that wait for workers.',
    registers,
    collect() {
      this.set(brokerStats()?.backlogBytes ?? 0);
    },
  });
  const counters = [
    ['publications', 'Publications that the embedded broker received from workers.'],
    ['forwarded', 'Publications and presence events that the embedded broker passed on, once per worker.'],
    ['missed', 'Publications and presence events that a worker did not get because it was behind.'],
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
