import type { Labels, MetricReading, MetricsSnapshot } from './snapshot.ts';

/** Which of Prometheus' two text formats. */
export type MetricsFormat = 'text' | 'openmetrics';

export const contentTypes: Readonly<Record<MetricsFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Units that names end with, as OpenMetrics tells them apart. */
const unit = /_(seconds|bytes)$/;

/**
 * The format that a scraper gets: OpenMetrics where its `Accept` prefers it to plain text, else the text format that
 * everybody reads.
 */
export function chooseFormat(accept: string | undefined): MetricsFormat {
  let openMetrics = 0;
  let text = 0;
  for (const part of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const quality = q === undefined ? 1 : Number(q.slice(2)) || 0;
    // A version that we do not write is not meant.
    const version = parameters.find((parameter) => parameter.startsWith('version='))?.slice('version='.length);
    if (type === 'application/openmetrics-text') {
      if (version === undefined || version === '1.0.0') openMetrics = Math.max(openMetrics, quality);
    } else if (['text/plain', 'text/*', '*/*'].includes(type)) text = Math.max(text, quality);
  }
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'text';
}

/**
 * Prometheus' text format 0.0.4, or OpenMetrics 1.0.0.
 * See https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export function renderMetrics(snapshot: MetricsSnapshot, format: MetricsFormat): string {
  const lines: string[] = [];
  for (const metric of snapshot) {
    lines.push(...(format === 'text' ? textHead(metric) : openMetricsHead(metric)));
    for (const { name, labels, value } of metric.samples)
      lines.push(`${name}${labelText(labels)} ${numberText(value)}`);
  }
  if (format === 'openmetrics') lines.push('# EOF');
  return lines.map((line) => `${line}\n`).join('');
}

function textHead({ name, type, help }: MetricReading): string[] {
  return [`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`, `# TYPE ${name} ${type}`];
}

/** A counter's family is called without the `_total` of its series. */
function openMetricsHead({ name, type, help }: MetricReading): string[] {
  const family = type === 'counter' ? name.replace(/_total$/, '') : name;
  const [, base] = unit.exec(family) ?? [];
  return [
    `# TYPE ${family} ${type}`,
    ...(base === undefined ? [] : [`# UNIT ${family} ${base}`]),
    `# HELP ${family} ${escape(help)}`,
  ];
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escape(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}
