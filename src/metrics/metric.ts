import type { Histogram } from './histogram.ts';

// How a metric is described: once, with how it is read. Registries, snapshots and the tables of docs/metrics.md are made
// of such descriptions. Values are kept elsewhere, as plain numbers, and are read when somebody asks.

/** A summary has a series per quantile, label `quantile`, of what was observed lately; no sum and no count. */
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary';

/** What becomes of series with the same labels when workers are merged. */
export type Merging = 'sum' | 'max';

/** @typeParam Source what it is read from */
export interface Metric<Source> {
  /** By Prometheus' conventions: the base unit at the end, behind it `_total` for counters and for nothing else. */
  readonly name: string;
  readonly type: MetricType;
  /** A sentence or two. */
  readonly help: string;
  readonly labels: readonly string[];
  readonly merging: Merging;
  /** The series that there are now, each with the values of the labels. */
  read(source: Source): Iterable<readonly [labels: readonly string[], value: number | Histogram]>;
}

/** One series per row: the value of the label, or those of the labels in their order. */
type Rows<Value> = Iterable<readonly [string | readonly string[], Value]>;

interface Labelled<Source, Value> {
  readonly labels: readonly string[];
  readonly merging?: Merging;
  readonly read: (source: Source) => Rows<Value>;
}

/** @param read undefined: there is no such thing here, and no series */
export function gauge<Source>(
  name: string,
  help: string,
  read: (source: Source) => number | undefined,
): Metric<Source> {
  return { name, type: 'gauge', help, labels: [], merging: 'sum', read: (source) => single(read(source)) };
}

export function gauges<Source>(name: string, help: string, labelled: Labelled<Source, number>): Metric<Source> {
  return describe(name, 'gauge', help, labelled);
}

/** Its label is `quantile`. */
export function summary<Source>(
  name: string,
  help: string,
  merging: Merging,
  read: (source: Source) => Rows<number>,
): Metric<Source> {
  return describe(name, 'summary', help, { labels: ['quantile'], merging, read });
}

export function counter<Source>(name: string, help: string, read: (source: Source) => number): Metric<Source> {
  return { name, type: 'counter', help, labels: [], merging: 'sum', read: (source) => single(read(source)) };
}

export function counters<Source>(name: string, help: string, labelled: Labelled<Source, number>): Metric<Source> {
  return describe(name, 'counter', help, labelled);
}

export function histogram<Source>(name: string, help: string, read: (source: Source) => Histogram): Metric<Source> {
  return { name, type: 'histogram', help, labels: [], merging: 'sum', read: (source) => single(read(source)) };
}

export function histograms<Source>(name: string, help: string, labelled: Labelled<Source, Histogram>): Metric<Source> {
  return describe(name, 'histogram', help, labelled);
}

function describe<Source>(
  name: string,
  type: MetricType,
  help: string,
  { labels, merging = 'sum', read }: Labelled<Source, number | Histogram>,
): Metric<Source> {
  return { name, type, help, labels, merging, read: (source) => rows(read(source)) };
}

function* rows<Value>(read: Rows<Value>): Iterable<readonly [readonly string[], Value]> {
  for (const [labels, value] of read) yield [typeof labels === 'string' ? [labels] : labels, value];
}

function single<Value>(value: Value | undefined): readonly (readonly [readonly string[], Value])[] {
  return value === undefined ? [] : [[[], value]];
}
