import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { logEvents } from '../../src/server/log-events.ts';
import { readRules, selectorsOf } from '../support/alert-rules.ts';
import { readDashboards } from '../support/read-dashboards.ts';

const repository = new URL('../../', import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, repository), 'utf8');
const rules = await readRules();
const alerts = rules.flatMap((rule) => (rule.alert === undefined ? [] : [{ ...rule, name: rule.alert }]));
const names = alerts.map(({ name }) => name).toSorted();
const dashboards = await readDashboards();
const pages = await readdir(new URL('docs/runbooks/', repository));
const runbooks = await Promise.all(pages.map(async (file) => ({ file, text: await read(`docs/runbooks/${file}`) })));

/** Names of metrics, those of histograms without what Prometheus appends. */
function metricsIn(text: string): readonly string[] {
  return [...text.matchAll(/\bcarillon_[a-z0-9_]+\b/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
}

describe('promtool', () => {
  it.each([
    ['check', 'rules', 'rules.yml'],
    ['check', 'config', 'prometheus.yml'],
    ['test', 'rules', 'rules.test.yml'],
  ])('has nothing against `%s %s %s`', async (...args) => {
    const cwd = new URL('deploy/prometheus/', repository);
    const { stdout } = await promisify(execFile)('/usr/bin/promtool', args, { cwd });
    expect(stdout).toContain('SUCCESS');
  });

  it('tests of each alert that it fires and that it does not', async () => {
    const tests = await read('deploy/prometheus/rules.test.yml');
    for (const name of names) {
      const [, ...times] = tests.split(`alertname: ${name}\n`);
      expect(
        times.some((time) => time.trimStart().startsWith('exp_alerts:\n')),
        `${name} fires`,
      ).toBe(true);
      expect(tests, `${name} does not fire`).toMatch(new RegExp(`alertname: ${name}, exp_alerts: \\[\\]`));
    }
  });
});

describe('an alert', () => {
  it.each(alerts)('$name says how bad it is, what is wrong, and where to read on', ({ name, labels, annotations }) => {
    expect(labels?.['severity']).toMatch(/^(critical|warning)$/);
    expect(annotations?.['summary']).toBeTruthy();
    expect(annotations?.['description']).toBeTruthy();
    expect(annotations?.['runbook_url']).toBe(`{{ $externalLabels.runbooks }}docs/runbooks/${name}.md`);
  });

  it('has a name of its own', () => {
    expect(names).toEqual([...new Set(names)]);
  });

  it('has a runbook, and a runbook has an alert', () => {
    expect(pages.toSorted()).toEqual([...names.map((name) => `${name}.md`), 'README.md'].toSorted());
  });

  it('is in the list of runbooks with its severity', async () => {
    const listed = [...(await read('docs/runbooks/README.md')).matchAll(/^\| \[(\w+)\]\(\1\.md\) \| (\w+) \|/gm)];
    const expected = alerts.map(({ name, labels }) => `${name} ${labels?.['severity']}`);
    expect(listed.map(([, name, severity]) => `${name} ${severity}`).toSorted()).toEqual(expected.toSorted());
  });
});

describe('a runbook', () => {
  it.each(runbooks.filter(({ file }) => file !== 'README.md'))('$file answers the questions', ({ file, text }) => {
    const alert = alerts.find(({ name }) => `${name}.md` === file);
    expect(text.split('\n', 3)).toEqual([
      `# ${alert?.name}`,
      '',
      `\`severity: ${alert?.labels?.['severity']}\` · [all alerts](README.md)`,
    ]);
    expect([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual([
      'What it means',
      'What users notice',
      'Look further',
      'What to do',
      'How the tests cause it',
    ]);
  });

  it('speaks of alerts and events of the log that there are', () => {
    for (const { file, text } of runbooks) {
      for (const [, name = ''] of text.matchAll(/\]\((Carillon\w+)\.md\)/g)) expect(names, file).toContain(name);
      for (const [, group = ''] of text.matchAll(/"event":"([^"']*)/g))
        for (const name of group.replace(/^\\\(|\\\)$/g, '').split('\\|'))
          expect(eventsLike(name), `${file}: ${name}`).not.toEqual([]);
    }
  });
});

/** `reload-\(refused\|failed\)` has one part before the choice. */
function eventsLike(name: string): readonly string[] {
  const part = name.replace(/\\.*$/, '');
  return Object.keys(logEvents).filter((event) => event.includes(part));
}

it('rules, dashboards and runbooks speak of metrics that there are', async () => {
  const documented = new Set(metricsIn(await read('docs/metrics.md')));
  const used = [
    ...rules.map(({ expr }) => expr),
    ...dashboards.map(({ text }) => text),
    ...runbooks.map(({ text }) => text),
  ];
  const missing = used.flatMap(metricsIn).filter((name) => !documented.has(name));
  expect(new Set(missing)).toEqual(new Set());
  const recorded = rules.map(({ record }) => record);
  for (const name of rules.flatMap(({ expr }) => selectorsOf(expr)).filter((selector) => selector.includes(':')))
    expect(recorded).toContain(name.replace(/\{.*$/, ''));
});

describe('dashboards', () => {
  it('have ids and titles of their own', () => {
    expect(dashboards.length).toBeGreaterThanOrEqual(4);
    for (const field of ['uid', 'title'] as const)
      expect(new Set(dashboards.map((one) => one.dashboard[field])).size).toBe(dashboards.length);
  });

  it.each(dashboards)('$file fits every installation', ({ dashboard, text }) => {
    const variables = dashboard.templating.list.map(({ name }) => name);
    expect(variables.slice(0, 4)).toEqual(['datasource', 'job', 'node', 'instance']);
    const chosen = '"datasource": { "type": "prometheus", "uid": "${datasource}" }';
    const inOneLine = text.replaceAll(/\s+/g, ' ');
    expect(inOneLine.split(chosen).length).toBe(inOneLine.split('"datasource": {').length);
    const used = [...text.matchAll(/\$\{?(\w+)\}?/g)].map(([, name = '']) => name);
    expect(used.filter((name) => !variables.includes(name) && !name.startsWith('__'))).toEqual([]);
    for (const { expr } of dashboard.panels.flatMap(({ targets = [] }) => targets))
      for (const selector of selectorsOf(expr))
        expect(selector).toContain('job=~"$job", node=~"$node", instance=~"$instance"');
  });

  it.each(dashboards)('$file explains each panel, in its place', ({ dashboard: { panels } }) => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { type, title, description, gridPos, fieldConfig, options, targets } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      if (type === 'row') continue;
      expect(description, title).toMatch(/\.$/);
      expect(fieldConfig?.defaults.unit ?? options?.yAxis?.unit, title).toBeTruthy();
      expect(targets?.length, title).toBeGreaterThan(0);
    }
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});
