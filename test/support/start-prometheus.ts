import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';
import { freePort } from './free-port.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

const deployed = new URL('../../deploy/prometheus/', import.meta.url);

/** One series of an answer, with its last value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface FiringAlert {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Prometheus extends AsyncDisposable {
  /** What an expression yields now. @throws Error when it is wrong */
  query(expression: string): Promise<readonly Sample[]>;
  firing(): Promise<readonly FiringAlert[]>;
}

export interface StartPrometheusOptions {
  /** Operations ports by the name of their node: `{'node-1': 'http://127.0.0.1:19080/'}`. */
  readonly nodes: Readonly<Record<string, string>>;
  /** What rules.yml is turned into before it is loaded. */
  readonly rules?: (text: string) => string;
}

interface Answer<Data> {
  readonly status: string;
  readonly error?: string;
  readonly data: Data;
}

/** A real Prometheus with deploy/prometheus/prometheus.yml, other targets and an interval of one second. */
export async function startPrometheus({ nodes, rules = (text) => text }: StartPrometheusOptions): Promise<Prometheus> {
  const folder = await temporaryFolder({
    'prometheus.yml': withTargets(await readFile(new URL('prometheus.yml', deployed), 'utf8'), nodes),
    'rules.yml': rules(await readFile(new URL('rules.yml', deployed), 'utf8')),
  });
  let { child, port } = await launch(folder.path);
  for (let attempt = 0; child.exitCode !== null; attempt++) {
    if (attempt === 5) throw new Error('prometheus did not start');
    ({ child, port } = await launch(folder.path));
  }
  const ask = async <Data>(path: string): Promise<Data> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const { status, error, data } = (await response.json()) as Answer<Data>;
    if (status !== 'success') throw new Error(error ?? `prometheus answered ${response.status}`);
    return data;
  };
  return {
    async query(expression) {
      const { result } = await ask<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
        `query?${new URLSearchParams({ query: expression }).toString()}`,
      );
      return result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
    },
    async firing() {
      const { alerts } = await ask<{ alerts: { state: string; labels: Record<string, string> }[] }>('alerts');
      return alerts
        .filter(({ state }) => state === 'firing')
        .map(({ labels }) => ({ name: labels['alertname'] ?? '', labels }));
    },
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit');
      // It has nothing to keep.
      child.kill('SIGKILL');
      await gone;
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when it is ready, or has ended. */
async function launch(folder: string): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort();
  const child = spawn(
    '/usr/bin/prometheus',
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const isReady = async (): Promise<boolean> =>
    await fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(async () => child.exitCode !== null || (await isReady()), {
    what: 'prometheus is ready',
    deadlineMs: 30_000,
    everyMs: 50,
  });
  if (child.exitCode !== null && !output.includes('address already in use'))
    throw new Error(`prometheus did not start: ${output}`);
  return { child, port };
}

function withTargets(config: string, nodes: Readonly<Record<string, string>>): string {
  const parsed = parse(config) as {
    global: Record<string, unknown>;
    scrape_configs: { static_configs: unknown; scrape_timeout?: string }[];
  };
  const [job] = parsed.scrape_configs;
  if (job === undefined) throw new Error('prometheus.yml scrapes nothing');
  job.static_configs = Object.entries(nodes).map(([node, url]) => ({
    targets: [new URL(url).host],
    labels: { node },
  }));
  return stringify({ ...parsed, global: { ...parsed.global, scrape_interval: '1s', evaluation_interval: '1s' } });
}
