// The figures that Carillon wants to reach, and whether a run reached them. Medians over the rounds; ratios within the run.
import { medianOf } from './figures.mjs';
import { heldPerConnection } from './held-memory.mjs';

const cpu = (run) => run.cpuMicrosecondsPerDelivery;
const p99 = (run) => run.latencyMicroseconds?.p99;
const handshake = (run) => run.cpuMicrosecondsPerConnection;

/** `scenario` measured with `system` against the same with `peer`, or against another scenario. */
const ratio = (what, scenario, peer, most, { read = cpu, system = 'carillon', otherScenario = scenario } = {}) => ({
  what,
  limit: `≤ ${most.toFixed(2)} × ${peer === undefined ? otherScenario : peer}`,
  most,
  evaluate(find) {
    const own = find(scenario, system, read);
    const other = find(otherScenario, peer ?? system, read);
    return own === undefined || other === undefined ? undefined : own / other;
  },
  show: (value) => `${value.toFixed(2)} ×`,
});

const absolute = (what, scenario, read, most, unit, digits = 0) => ({
  what,
  limit: `≤ ${most.toLocaleString('en')} ${unit}`,
  most,
  evaluate: (find) => find(scenario, 'carillon', read),
  show: (value) => `${value.toLocaleString('en', { maximumFractionDigits: digits })} ${unit}`,
});

/** 20 stalled readers of the scenario, each with an outbox of 1 MiB at most. */
const stalledCapMib = 20;
const grown = (run) => run.residentGrowthBytes / 1_048_576;

const targets = [
  ratio('1 × 1,000: CPU per delivery', 'one-room', 'ws-loop', 0.7),
  ratio('1 × 1,000: CPU per delivery', 'one-room', 'socket-io', 0.55),
  ratio('50 × 100: CPU per delivery', 'fifty-rooms', 'ws-loop', 0.7),
  ratio('50 × 100: CPU per delivery', 'fifty-rooms', 'socket-io', 0.45),
  ratio('bursts of 10: CPU per delivery', 'bursts', 'ws-loop', 0.2),
  ratio('saturation: CPU per delivery', 'saturation', 'ws-loop', 0.45),
  ...['carillon-redis-workers', 'carillon-redis-nodes'].flatMap((system) => [
    ratio(`1 × 1,000 through Redis, ${system}: CPU per delivery`, 'redis-one-room', 'socket-io-redis', 0.6, { system }),
    ratio(`50 × 100 through Redis, ${system}: CPU per delivery`, 'redis-fifty-rooms', 'socket-io-redis', 0.6, {
      system,
    }),
  ]),
  absolute('idle connection: resident memory of the server process', 'idle', heldPerConnection, 7000, 'bytes'),
  ratio('idle connection: resident memory of the server process', 'idle', 'bare-ws', 1.15, { read: heldPerConnection }),
  absolute('10,000 idle connections: CPU', 'idle', (run) => run.idleCores * 100, 1, '% of a core', 2),
  ratio('handshake: CPU', 'handshake', 'bare-ws', 1.25, { read: handshake }),
  ...['stalled', 'stalled-drop-oldest'].flatMap((scenario) => [
    ratio(`${scenario}: p99 latency of those that read`, scenario, undefined, 1.2, {
      read: p99,
      otherScenario: 'reading',
    }),
    {
      what: `${scenario}: resident memory grown more than without them`,
      limit: `≤ ${stalledCapMib} MiB, the caps of their outboxes`,
      most: stalledCapMib,
      evaluate(find) {
        const own = find(scenario, 'carillon', grown);
        const other = find('reading', 'carillon', grown);
        return own === undefined || other === undefined ? undefined : own - other;
      },
      show: (value) => `${value.toFixed(1)} MiB`,
    },
  ]),
  ratio('1 × 1,000: p99 latency', 'one-room', 'ws-loop', 1, { read: p99 }),
];

/** @returns [{what, limit, measured, outcome}]; outcome is `pass`, `FAIL`, or `not measured` */
export function judge(runs) {
  // Of several builds the first one is judged.
  const builds = [...new Set(runs.filter(({ family }) => family === 'carillon').map(({ system }) => system))];
  const suffix = builds[0]?.slice('carillon'.length) ?? '';
  const good = runs.filter(({ ok }) => ok);
  return targets.map(({ what, limit, most, evaluate, show }) => {
    let waited = false;
    const value = evaluate((scenario, name, read) => {
      const system = name.startsWith('carillon') ? name + suffix : name;
      waited ||= good.some((run) => run.scenario === scenario && run.system === system && run.rateMissed);
      return medianOf(good, scenario, system, read);
    });
    if (value === undefined || !Number.isFinite(value)) return { what, limit, measured: '–', outcome: 'not measured' };
    // Whoever cannot keep up sends more at once, which is cheaper: such a ratio is not one of equal loads.
    const measured = waited ? `${show(value)} (messages waited, see below)` : show(value);
    return { what, limit, measured, outcome: value <= most ? 'pass' : 'FAIL' };
  });
}
