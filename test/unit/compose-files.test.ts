// docker-compose.yml and what is under deploy/compose, as far as it can be judged without a Docker engine; with one,
// `npm run test:compose` brings it up.
import { readdir, readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { workerStopMs } from '../../src/server/worker-deadlines.ts';

const root = new URL('../../', import.meta.url);
const folder = new URL('deploy/compose/carillon/', root);
const files = (await readdir(folder)).toSorted();

interface Service {
  readonly stop_grace_period?: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

describe('the compose files', () => {
  it('have a valid configuration for each kind of Redis', () => {
    expect(files).toEqual(['carillon.yaml', 'redis-cluster.yaml', 'sentinel.yaml']);
    for (const file of files) expect(configOf(file).redis).toBeDefined();
  });

  it('differ in nothing but where Redis is', () => {
    const [one, ...others] = files.map((file) => {
      const { redis, ...rest } = configOf(file);
      return { ...rest, publishQueue: redis?.publishQueue };
    });
    for (const other of others) expect(other).toEqual(one);
  });

  it('give a gateway the time that it needs for a drain', async () => {
    const gateway = (await servicesOf('docker-compose.yml'))['gateway'];
    const graceMs = Number.parseInt(gateway?.stop_grace_period ?? '', 10) * 1_000;
    for (const file of files) {
      const config = configOf(file);
      expect(graceMs).toBeGreaterThan((config.drain.delay + config.drain.period) * 1_000 + workerStopMs(config));
    }
  });

  it('use configurations that are there', async () => {
    for (const overlay of ['sentinel', 'redis-cluster']) {
      const gateway = (await servicesOf(`docker-compose.${overlay}.yml`))['gateway'];
      expect(gateway?.environment?.['CARILLON_CONFIG']).toBe(`/etc/carillon/${overlay}.yaml`);
    }
  });

  it('open no port of the host but those of the balancer, and on loopback what is for operators', async () => {
    const services = await servicesOf('docker-compose.yml');
    const open = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    const onLoopback = open.filter(([, { ports }]) => ports?.every((port) => port.startsWith('127.0.0.1:')));
    expect(open.map(([name]) => name)).toEqual(['balancer', 'prometheus', 'grafana', 'alertmanager']);
    expect(onLoopback.map(([name]) => name)).toEqual(['prometheus', 'grafana', 'alertmanager']);
  });
});

function configOf(file: string): Config {
  return loadConfig({ flags: { config: new URL(file, folder).pathname }, env: {}, cwd: root.pathname }).config;
}

async function servicesOf(file: string): Promise<Readonly<Record<string, Service>>> {
  const text = await readFile(new URL(file, root), 'utf8');
  return (parse(text, { merge: true }) as { services: Readonly<Record<string, Service>> }).services;
}
