// What a scenario's table shows, by what it measures.
import { scenarios } from '../scenarios.mjs';
import { medianOf, spread, systemsOf, values } from './figures.mjs';
import { heldPerConnection, heldPerConnectionByAll } from './held-memory.mjs';

const kib = 1024;
const mib = 1024 * kib;

const cpuPerDelivery = (run) => run.cpuMicrosecondsPerDelivery;
const highest = (field) => (run) =>
  run.generators === undefined ? undefined : Math.max(...run.generators.map((generator) => generator[field]));

const column = (title, read, digits) => ({ title, cell: (all) => spread(all(read), digits), read });

const columns = {
  'fan-out': [
    column('CPU µs per delivery', cpuPerDelivery, 2),
    column('deliveries/s', (run) => run.deliveriesPerSecond, 0),
    column('p50 ms', (run) => millis(run.latencyMicroseconds?.p50), 2),
    column('p99 ms', (run) => millis(run.latencyMicroseconds?.p99), 2),
    column('server cores', (run) => run.serverCores, 2),
    column('generator cores', highest('cores'), 2),
  ],
  idle: [
    column('bytes per connection, server process', heldPerConnection, 0),
    column('all processes', heldPerConnectionByAll, 0),
    column('resident at the end, all processes, MiB', (run) => times(run.residentBytes, 1 / mib), 1),
    column('CPU, % of a core', (run) => times(run.idleCores, 100), 2),
  ],
  storm: [
    column('CPU µs per connection', (run) => run.cpuMicrosecondsPerConnection, 0),
    column('connections/s', (run) => run.connectionsPerSecond, 0),
    column('generator cores', highest('cores'), 2),
  ],
};

/** Columns that only some scenarios have. */
const further = [
  column('Redis CPU µs per publication', (run) => run.redisCpuMicrosecondsPerPublication, 1),
  column('Redis cores', (run) => run.redisCores, 3),
  { ...column('memory grown, MiB', (run) => times(run.residentGrowthBytes, 1 / mib), 1), if: 'stalling' },
  column('stalled, closed by the server', (run) => run.stalledClosed, 0),
];

const times = (value, factor) => (value === undefined ? undefined : value * factor);
const millis = (microseconds) => (typeof microseconds === 'number' ? microseconds / 1000 : undefined);

/** The figure by which systems of a scenario are compared. */
const figureOf = {
  'fan-out': cpuPerDelivery,
  idle: heldPerConnection,
  storm: (run) => run.cpuMicrosecondsPerConnection,
};

export function scenarioTable(name, runs) {
  const { measure, payload, systems } = scenarios[name];
  const isStalling = payload?.bytes > 10_000;
  const names = systemsOf(runs, name);
  const shown = [
    ...columns[measure],
    ...further.filter(
      (each) =>
        (each.if === undefined || isStalling) &&
        names.some((system) => values(runs, name, system, each.read).length > 0),
    ),
  ];
  const baseline = ['ws-loop', 'bare-ws', 'socket-io-redis'].find(
    (each) => systems.includes(each) && names.includes(each),
  );
  const reference = baseline === undefined ? undefined : medianOf(runs, name, baseline, figureOf[measure]);
  const header = ['', ...shown.map(({ title }) => title), ...(reference === undefined ? [] : [`× ${baseline}`])];
  const body = names.map((system) => {
    const own = medianOf(runs, name, system, figureOf[measure]);
    const ratio = own === undefined ? '–' : (own / reference).toFixed(2);
    const mark = runs.some((run) => run.scenario === name && run.system === system && !run.ok) ? ' (failed)' : '';
    return [
      system + mark,
      ...shown.map(({ cell }) => cell((read) => values(runs, name, system, read))),
      ...(reference === undefined ? [] : [ratio]),
    ];
  });
  return { header, body };
}
