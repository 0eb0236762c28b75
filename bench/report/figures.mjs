// Several rounds of one scenario and system as one figure.

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The runs of a scenario and system that have this figure, failed ones too: a figure of a failed run is marked elsewhere. */
export function values(runs, scenario, system, read) {
  return runs
    .filter((run) => run.scenario === scenario && run.system === system)
    .map((run) => read(run))
    .filter((value) => typeof value === 'number' && Number.isFinite(value));
}

/** @returns the median over the rounds, or undefined */
export function medianOf(runs, scenario, system, read) {
  const all = values(runs, scenario, system, read);
  return all.length === 0 ? undefined : median(all);
}

/** `2.31 (2.28–2.40)`: median, least, most. */
export function spread(all, digits) {
  if (all.length === 0) return '–';
  const show = (value) => value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  if (all.length === 1) return show(all[0]);
  return `${show(median(all))} (${show(Math.min(...all))}–${show(Math.max(...all))})`;
}

export const systemsOf = (runs, scenario) => [
  ...new Set(runs.filter((run) => run.scenario === scenario).map(({ system }) => system)),
];

export const scenariosOf = (runs) => [...new Set(runs.map(({ scenario }) => scenario))];
