/** What `/metrics` says in Prometheus' text format. */
export interface MetricsText {
  /** Type by the name of the metric. */
  readonly types: ReadonlyMap<string, string>;
  /** Labels by the name of the metric, `le` left out; those of series that there are. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
  /** Value by series, as it is written: `name{label="value"}`. */
  readonly values: ReadonlyMap<string, number>;
}

/** @throws Error where a series has no type before it, or is there twice */
export function parseMetrics(text: string): MetricsText {
  const types = new Map<string, string>();
  const labels = new Map<string, Set<string>>();
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, typed, type] = /^# TYPE (\w+) (\w+)$/.exec(line) ?? [];
    if (typed !== undefined && type !== undefined) types.set(typed, type);
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', labelled = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    const end = line.lastIndexOf(' ');
    const series = line.slice(0, end);
    if (values.has(series)) throw new Error(`twice: ${line}`);
    values.set(series, Number(line.slice(end + 1)));
    const metric = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    if (!types.has(metric)) throw new Error(`of no metric: ${line}`);
    const known = labels.get(metric) ?? new Set();
    for (const [, label = ''] of labelled.matchAll(/(\w+)="/g)) if (label !== 'le') known.add(label);
    labels.set(metric, known);
  }
  return { types, labels, values };
}
