// Whether the load generator was in the way: its share of a core, and what a second process of it changes.
import { medianOf, scenariosOf, spread, systemsOf, values } from './figures.mjs';

const cores = (run) =>
  run.generators === undefined ? undefined : Math.max(...run.generators.map(({ cores }) => cores));
const busy = (run) => (run.generators === undefined ? undefined : Math.max(...run.generators.map(({ busy }) => busy)));

/** The busiest generator process of each scenario. */
export function busiest(runs) {
  return scenariosOf(runs).flatMap((scenario) => {
    const rows = systemsOf(runs, scenario).map((system) => ({
      system,
      cores: medianOf(runs, scenario, system, cores),
    }));
    const [most] = rows.filter((row) => row.cores !== undefined).toSorted((a, b) => b.cores - a.cores);
    if (most === undefined) return [];
    const share = values(runs, scenario, most.system, busy);
    return [[scenario, most.system, spread(values(runs, scenario, most.system, cores), 2), spread(share, 2)]];
  });
}

const compared = [
  ['CPU µs per delivery', (run) => run.cpuMicrosecondsPerDelivery, 2],
  ['deliveries/s', (run) => run.deliveriesPerSecond, 0],
  ['p99 ms', (run) => run.latencyMicroseconds?.p99 / 1000, 2],
];

/** One process of clients against two, where both ran. */
export function oneAgainstTwo(runs) {
  const suffix = '-2-generators';
  return scenariosOf(runs)
    .filter((scenario) => scenario.endsWith(suffix))
    .flatMap((scenario) => {
      const single = scenario.slice(0, -suffix.length);
      return systemsOf(runs, scenario).flatMap((system) =>
        compared.map(([what, read, digits]) => {
          const one = values(runs, single, system, read);
          const two = values(runs, scenario, system, read);
          const change =
            one.length === 0 || two.length === 0 ? '–' : `${change100(runs, single, scenario, system, read)} %`;
          return [single, system, what, spread(one, digits), spread(two, digits), change];
        }),
      );
    });
}

function change100(runs, single, double, system, read) {
  const change = (medianOf(runs, double, system, read) / medianOf(runs, single, system, read) - 1) * 100;
  return `${change > 0 ? '+' : ''}${change.toFixed(0)}`;
}
